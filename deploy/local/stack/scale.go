//go:build unix

package stack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/provingground/provingground/deploy/azure/namespace"
	"github.com/provingground/provingground/scenarios"
)

// A Scaling is one look of a role's rule at its queue.
type Scaling struct {
	At        time.Time
	Active    int // messages in the queue, locked ones among them
	Processes int // that ran after it
}

// scaler is what KEDA and its autoscaler do for a role: it starts spare processes as
// soon as the backlog wants them, and ends them when it has not for a while.
type scaler struct {
	role    scenarios.Role
	spares  []*Instance // started from the first, ended from the last
	backlog func(context.Context) (int, error)
	out     io.Writer

	stop  context.CancelFunc
	ended chan struct{}

	needed []time.Time // by process, from the first: when it was wanted last
	blind  bool        // the last look failed, and that was said

	mu     sync.Mutex
	looks  []Scaling
	failed error // the last process that did not start, or ended by itself
}

// maxLooks bounds what is remembered, to a few hours at the usual interval.
const maxLooks = 10_000

// startScaling starts a goroutine for each role with a rule. stopScaling ends and
// awaits them.
func (s *Stack) startScaling(ctx context.Context, o Options, servers map[string]string) {
	for _, role := range o.Scenario.Roles {
		if role.Scale == nil {
			continue
		}
		sc := &scaler{role: role, out: o.Out, ended: make(chan struct{}), needed: make([]time.Time, role.Most()+1)}
		sc.backlog = func(ctx context.Context) (int, error) {
			return namespace.Active(ctx, servers["SERVICEBUS_CONNECTION_STRING"], servers["SERVICEBUS_ADMIN_URL"], role.Scale.Queue)
		}
		for _, in := range s.Instances {
			if in.Role == role.Name && in.Spare {
				sc.spares = append(sc.spares, in)
			}
		}
		running, stop := context.WithCancel(context.WithoutCancel(ctx))
		sc.stop = stop
		s.scaling = append(s.scaling, sc)
		go func() {
			defer close(sc.ended)
			sc.run(running)
		}()
	}
}

func (s *Stack) stopScaling() error {
	var errs []error
	for _, sc := range s.scaling {
		sc.stop()
		<-sc.ended
		errs = append(errs, sc.failed)
	}
	s.scaling = nil
	return errors.Join(errs...)
}

// Scalings returns what the rule of a role saw and did so far, in order of time.
func (s *Stack) Scalings(role string) []Scaling {
	for _, sc := range s.scaling {
		if sc.role.Name == role {
			sc.mu.Lock()
			defer sc.mu.Unlock()
			return append([]Scaling(nil), sc.looks...)
		}
	}
	return nil
}

func (s *scaler) run(ctx context.Context) {
	tick := time.NewTicker(s.role.Scale.Polling)
	defer tick.Stop()
	for {
		s.look(ctx)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// look changes nothing while the queue cannot be asked, as KEDA does.
func (s *scaler) look(ctx context.Context) {
	asking, cancel := context.WithTimeout(ctx, max(s.role.Scale.Polling, time.Second))
	active, err := s.backlog(asking)
	cancel()
	if err != nil {
		if !s.blind && ctx.Err() == nil {
			fmt.Fprintf(s.out, "%s: its queue cannot be asked, the number of processes stays: %v\n", s.role.Name, err)
		}
		s.blind = true
		return
	}
	s.blind = false
	s.apply(ctx, s.wanted(active, time.Now()))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.looks = append(s.looks[max(0, len(s.looks)-maxLooks+1):], Scaling{time.Now(), active, s.role.Count + s.running()})
}

// wanted is the highest number that the rule wanted within the cooldown.
func (s *scaler) wanted(active int, now time.Time) int {
	for n := range s.role.Scale.Processes(s.role.Count, active) + 1 {
		s.needed[n] = now
	}
	n := s.role.Most()
	for n > s.role.Count && now.Sub(s.needed[n]) > s.role.Scale.Cooldown {
		n--
	}
	return n
}

// apply brings the spares to the number of processes that is wanted of the role.
func (s *scaler) apply(ctx context.Context, wanted int) {
	var changing sync.WaitGroup
	for i, in := range s.spares {
		switch want := s.role.Count+i < wanted; {
		case want && !in.running():
			changing.Go(func() { s.note(ctx, in.died()); s.note(ctx, in.Upgrade(ctx)) })
		case !want && in.running():
			changing.Go(func() { s.note(ctx, end(ctx, in)) })
		}
	}
	changing.Wait()
}

// endTime bounds how long a process may take to give back what it holds.
const endTime = 20 * time.Second

// end is not cut off by the end of the stack: that would kill the process.
func end(ctx context.Context, in *Instance) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTime)
	defer cancel()
	return errors.Join(in.Stop(ctx), in.stack.forget(in))
}

// note keeps the last error, but not what the end of the stack broke off, and not that
// a process waits for what it needs: it is there, as a replica would be, and goes on
// waiting.
func (s *scaler) note(ctx context.Context, err error) {
	if err == nil || ctx.Err() != nil {
		return
	}
	fmt.Fprintf(s.out, "scaling %s: %v\n", s.role.Name, err)
	if errors.Is(err, errNotReady) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failed = err
}

func (s *scaler) running() (n int) {
	for _, in := range s.spares {
		if in.running() {
			n++
		}
	}
	return n
}

// running reports whether the process runs.
func (in *Instance) running() bool {
	p := in.Process()
	if p == nil {
		return false
	}
	select {
	case <-p.Done():
		return false
	default:
		return true
	}
}

// died returns why the process ended, if nobody had asked it to.
func (in *Instance) died() error {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.process == nil || in.asked {
		return nil
	}
	return in.process.Err()
}
