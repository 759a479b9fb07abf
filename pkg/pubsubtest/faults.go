package pubsubtest

import (
	"context"
	"path"
	"slices"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/provingground/provingground/pkg/pubsubtest/broker"
)

// Fault is a failure of calls, as the service has them.
type Fault struct {
	// Method is the bare name, "Publish"; empty is every method.
	// StreamingPull fails when it is opened; see also BreakStreams.
	Method string
	// Resource is the full name of one that the request names; empty is any.
	Resource string
	// Code is what the caller sees. OK only delays.
	Code codes.Code
	// After: the call is executed, and its answer is lost. Not for StreamingPull.
	After bool
	// Delay comes before everything, on the server's clock.
	Delay time.Duration
	// Times is how often; 0 is until removed.
	Times int
}

// Misdelivery is what at-least-once delivery without order may do.
type Misdelivery struct {
	// Duplicate delivers every message twice. Not with exactly-once delivery.
	Duplicate bool
	// Reverse turns each batch round, except messages with an ordering key.
	Reverse bool
}

type faults struct {
	engine  *engine
	mu      sync.Mutex
	list    []*Fault
	wrong   map[string]Misdelivery
	streams map[string][]chan error
}

func newFaults(e *engine) *faults {
	return &faults{engine: e, wrong: map[string]Misdelivery{}, streams: map[string][]chan error{}}
}

// Inject makes calls fail, until the fault was used up or is removed. Of several
// faults that fit a call the first counts.
func (s *Server) Inject(f Fault) (remove func()) {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.list = append(s.faults.list, &f)
	return func() {
		s.faults.mu.Lock()
		defer s.faults.mu.Unlock()
		s.faults.remove(&f)
	}
}

// Misdeliver delivers a subscription's messages badly, from now on; the zero
// Misdelivery ends it.
func (s *Server) Misdeliver(subscription string, m Misdelivery) {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.wrong[subscription] = m
}

// BreakStreams ends the open streams of a subscription with a status.
func (s *Server) BreakStreams(subscription string, code codes.Code) {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	for _, broken := range s.faults.streams[subscription] {
		select {
		case broken <- status.Error(code, "injected"):
		default: // is broken already
		}
	}
}

func (f *faults) remove(fault *Fault) {
	f.list = slices.DeleteFunc(f.list, func(other *Fault) bool { return other == fault })
}

// take returns the fault for a call, if there is one.
func (f *faults) take(method string, names ...string) (Fault, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, fault := range f.list {
		if fault.Method != "" && fault.Method != method || fault.Resource != "" && !slices.Contains(names, fault.Resource) {
			continue
		}
		if fault.Times > 0 {
			if fault.Times--; fault.Times == 0 {
				f.remove(fault)
			}
		}
		return *fault, true
	}
	return Fault{}, false
}

// strike returns the error of a fault that comes before the call; lost is that
// of one that comes after it.
func (f *faults) strike(ctx context.Context, method string, names ...string) (lost, err error) {
	fault, ok := f.take(method, names...)
	if !ok {
		return nil, nil
	}
	if fault.Delay > 0 {
		reached, stop := f.engine.clock.At(f.engine.clock.Now().Add(fault.Delay))
		defer stop()
		select {
		case <-reached:
		case <-ctx.Done():
			return nil, status.FromContextError(ctx.Err()).Err()
		case <-f.engine.closing:
		}
	}
	failure := status.New(fault.Code, "injected").Err() // nil if the code is OK
	if fault.After {
		return failure, nil
	}
	return nil, failure
}

// intercept is the server's unary interceptor.
func (f *faults) intercept(ctx context.Context, request any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	lost, err := f.strike(ctx, path.Base(info.FullMethod), resources(request)...)
	if err != nil {
		return nil, err
	}
	answer, err := handler(ctx, request)
	if lost != nil {
		return nil, lost
	}
	return answer, err
}

// resources are the names in a request, however its fields are called.
func resources(request any) []string {
	var names []string
	if r, ok := request.(interface{ GetName() string }); ok {
		names = append(names, r.GetName())
	}
	if r, ok := request.(interface{ GetTopic() string }); ok {
		names = append(names, r.GetTopic())
	}
	if r, ok := request.(interface{ GetSubscription() string }); ok {
		names = append(names, r.GetSubscription())
	}
	if r, ok := request.(interface{ GetSnapshot() string }); ok {
		names = append(names, r.GetSnapshot())
	}
	if r, ok := request.(interface{ GetResource() string }); ok {
		names = append(names, r.GetResource())
	}
	return append(names, nested(request)...)
}

// misdeliver is called with the engine's lock held.
func (f *faults) misdeliver(b *broker.Broker, s *broker.Subscription, all []broker.Delivery) []broker.Delivery {
	f.mu.Lock()
	wrong := f.wrong[s.Name()]
	f.mu.Unlock()
	if wrong.Reverse && !slices.ContainsFunc(all, func(d broker.Delivery) bool { return d.Message.GetOrderingKey() != "" }) {
		slices.Reverse(all)
	}
	if !wrong.Duplicate {
		return all
	}
	for _, d := range slices.Clone(all) {
		if again, ok := b.Duplicate(s, d); ok {
			all = append(all, again)
		}
	}
	return all
}

func (f *faults) watch(subscription string) chan error {
	f.mu.Lock()
	defer f.mu.Unlock()
	broken := make(chan error, 1)
	f.streams[subscription] = append(f.streams[subscription], broken)
	return broken
}

func (f *faults) unwatch(subscription string, broken chan error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	left := slices.DeleteFunc(f.streams[subscription], func(other chan error) bool { return other == broken })
	if f.streams[subscription] = left; len(left) == 0 {
		delete(f.streams, subscription)
	}
}
