package pubsubconsumer

import (
	"context"
	"errors"
	"fmt"

	"cloud.google.com/go/pubsub/v2"
)

// errSlowFull says that as many messages as may run after a failure do so already.
var errSlowFull = errors.New("too many messages that failed before are under way")

// take handles one delivery, from the count of its failures to its end.
func (r *running) take(ctx context.Context, m *pubsub.Message) {
	msg := read(m)
	failures, err := r.failures(ctx, msg)
	if err != nil {
		r.settle(ctx, m, msg, Unavailable(err), failures)
		return
	}
	if failures >= r.MaxFailures {
		// Its failures were counted, and it was not buried: a crash in between, or it
		// ends its process.
		r.bury(ctx, m, msg, failure{fmt.Errorf("it failed %d times", failures), EndsConsumer}, failures)
		return
	}
	if failures == 0 {
		r.settle(ctx, m, msg, r.handle(ctx, msg, false), failures)
		return
	}
	select {
	case r.slow <- struct{}{}:
		err := r.handle(ctx, msg, true)
		<-r.slow
		r.settle(ctx, m, msg, err, failures)
	default:
		r.settle(ctx, m, msg, Later(errSlowFull), failures)
	}
}

// failures returns how often a message failed. A first delivery has not; one that
// comes again and again without an end is counted before it runs.
func (r *running) failures(ctx context.Context, m Message) (int, error) {
	if m.Deliveries <= 1 {
		return 0, nil
	}
	ctx, cancel := context.WithTimeout(ctx, r.Deadline)
	defer cancel()
	if m.Deliveries >= r.Suspect {
		n, err := r.Failures.Add(ctx, m.ID, EndsConsumer)
		return n, err
	}
	return r.Failures.Count(ctx, m.ID)
}

// handle runs the handler within its time.
func (r *running) handle(ctx context.Context, m Message, slow bool) error {
	limit := r.Quick
	if slow {
		limit = r.Deadline
	}
	within, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	err := r.safely(within, m)
	if err == nil || within.Err() == nil || is[permanent](err) {
		return err
	}
	// Time was up. Whose fault it was says the dependency.
	if !r.breaker.there(ctx) {
		return Unavailable(err)
	}
	return failure{fmt.Errorf("no end within %v: %w", limit, err), TooSlow}
}

func (r *running) safely(ctx context.Context, m Message) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = failure{fmt.Errorf("the handler panicked: %v", p), Panicked}
		}
	}()
	return r.Handle(ctx, m)
}

// settle acknowledges a message, gives it back, or buries it.
func (r *running) settle(ctx context.Context, m *pubsub.Message, msg Message, err error, failures int) {
	switch {
	case err == nil:
		m.Ack()
		r.Observe(msg, Done, nil)
	case is[permanent](err):
		r.bury(ctx, m, msg, err, failures+1)
	case is[unavailable](err):
		r.breaker.trip()
		m.Nack()
		r.Observe(msg, Released, err)
	case is[later](err):
		m.Nack()
		r.Observe(msg, Released, err)
	default:
		r.failed(ctx, m, msg, err, failures)
	}
}

// failed counts a failure, unless it was counted before the handler ran.
func (r *running) failed(ctx context.Context, m *pubsub.Message, msg Message, err error, failures int) {
	if msg.Deliveries < r.Suspect {
		counting, cancel := context.WithTimeout(ctx, r.Deadline)
		defer cancel()
		var errCount error
		if failures, errCount = r.Failures.Add(counting, msg.ID, reasonOf(err)); errCount != nil {
			r.settle(ctx, m, msg, Unavailable(errors.Join(err, errCount)), failures)
			return
		}
	}
	if failures >= r.MaxFailures {
		r.bury(ctx, m, msg, err, failures)
		return
	}
	m.Nack()
	r.Observe(msg, Retried, err)
}
