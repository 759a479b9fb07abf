package pubsubconsumer

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// handle runs the handler within its time.
func (r *running) handle(ctx context.Context, m Message, limit time.Duration) error {
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

// settle acknowledges a message, gives it back, or buries it. TooSlow wraps what
// the handler said of a dependency, so failures of the message come first.
func (r *running) settle(ctx context.Context, d *delivery, err error) {
	switch {
	case err == nil:
		d.raw.Ack()
		r.Observe(d.Message, Done, nil)
	case is[failure](err):
		r.failed(ctx, d, err)
	case is[permanent](err):
		d.failures++
		r.bury(ctx, d, err)
	case is[unavailable](err):
		// One lost connection is no outage.
		if !r.breaker.there(ctx) {
			r.breaker.trip()
		}
		r.release(ctx, d, err)
	case is[later](err):
		r.release(ctx, d, err)
	default:
		r.failed(ctx, d, err)
	}
}

// release gives a message back that did not fail.
func (r *running) release(ctx context.Context, d *delivery, err error) {
	if d.counted {
		undoing, cancel := context.WithTimeout(ctx, r.Deadline)
		defer cancel()
		err = errors.Join(err, r.Failures.Undo(undoing, d.ID))
	}
	d.raw.Nack()
	r.Observe(d.Message, Released, err)
}

// failed counts a failure, unless it was counted before the handler ran.
func (r *running) failed(ctx context.Context, d *delivery, err error) {
	if !d.counted {
		if errCount := r.add(ctx, d, reasonOf(err)); errCount != nil {
			r.settle(ctx, d, Unavailable(fmt.Errorf("%w; its failure is not counted: %v", errCount, err)))
			return
		}
	}
	if d.failures >= r.MaxFailures {
		r.bury(ctx, d, err)
		return
	}
	d.raw.Nack()
	r.Observe(d.Message, Retried, err)
}
