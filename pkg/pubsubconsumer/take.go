package pubsubconsumer

import (
	"context"
	"errors"
	"fmt"

	"cloud.google.com/go/pubsub/v2"
)

// errSlowFull says that as many messages as may run after a failure do so already.
var errSlowFull = errors.New("too many messages that failed before are under way")

// delivery is a message that is under way.
type delivery struct {
	Message
	raw      *pubsub.Message
	failures int  // on record
	counted  bool // this run is among them already
}

// take handles one delivery, from the count of its failures to its end.
func (r *running) take(ctx context.Context, m *pubsub.Message) {
	d := &delivery{Message: Read(m), raw: m}
	if err := r.count(ctx, d); err != nil {
		r.settle(ctx, d, Unavailable(err))
		return
	}
	if d.failures >= r.MaxFailures {
		// All were counted, and it was not buried: a crash came in between, or it ends
		// its process.
		r.bury(ctx, d, failure{fmt.Errorf("it failed %d times", d.failures), EndsConsumer})
		return
	}
	if d.failures == 0 && d.Deliveries < r.Suspect {
		r.settle(ctx, d, r.handle(ctx, d.Message, r.Quick))
		return
	}
	if !r.enter(ctx) {
		r.settle(ctx, d, Later(errSlowFull))
		return
	}
	defer func() { <-r.slow }()
	r.again(ctx, d)
}

// enter takes a place for a message that failed before. As many may wait for one:
// otherwise a burst that comes back together finds them taken, and when they are
// free nobody is there.
func (r *running) enter(ctx context.Context) bool {
	select {
	case r.queue <- struct{}{}:
		defer func() { <-r.queue }()
	default:
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, r.Deadline)
	defer cancel()
	select {
	case r.slow <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

// count looks how often a message failed. A first delivery has not.
func (r *running) count(ctx context.Context, d *delivery) (err error) {
	if d.Deliveries <= 1 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, r.Deadline)
	defer cancel()
	d.failures, err = r.Failures.Count(ctx, d.ID)
	return err
}

// again runs a message that failed before. One that comes again and again without
// an end is counted before it runs: it may end this process.
func (r *running) again(ctx context.Context, d *delivery) {
	if d.Deliveries >= r.Suspect {
		if err := r.add(ctx, d, EndsConsumer); err != nil {
			r.settle(ctx, d, Unavailable(err))
			return
		}
		d.counted = true
	}
	r.settle(ctx, d, r.handle(ctx, d.Message, r.Deadline))
}

func (r *running) add(ctx context.Context, d *delivery, reason string) (err error) {
	ctx, cancel := context.WithTimeout(ctx, r.Deadline)
	defer cancel()
	d.failures, err = r.Failures.Add(ctx, d.ID, reason)
	return err
}
