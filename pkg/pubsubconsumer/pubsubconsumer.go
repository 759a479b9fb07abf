// Package pubsubconsumer consumes a Google Pub/Sub subscription at least once,
// and keeps poison from stalling it.
//
// What a handler returns decides:
//
//   - nil: acknowledged.
//   - [Permanent]: no repetition mends it. Published to the dead-letter topic with
//     its reason, and acknowledged when that is durable.
//   - [Unavailable]: a dependency is away. The message is given back; if Probe says
//     the same, nothing is received until it succeeds: an outage costs a message one
//     or two deliveries however long it lasts, and none of its attempts.
//   - [Later]: given back, and it does not count.
//   - anything else, a panic and a handler that takes too long: one failure of the
//     message. Pub/Sub delivers it again after the back-off of the subscription;
//     at MaxFailures it goes to the dead-letter topic with the last reason.
//
// A handler that took too long failed only if Probe succeeds: a slow database is
// no poison.
//
// Failures are counted by the caller's store, by message id, because Pub/Sub's own
// delivery count also grows with every outage, lost connection and restart. The
// subscription's dead-letter policy is the last resort: set its limit to 100.
// From Suspect deliveries on, a failure is counted before the handler runs, so
// that a message that ends its process is buried, too.
//
// A stall needs many slow messages at once. The first run of a message may take
// Quick; one that failed before may take Deadline, but of such messages only Slow
// run at once, as many wait for that, and the rest are given back. So healthy messages always
// find a place.
//
// A message may be handled twice, and may be buried twice: after a crash, a lost
// acknowledgement, or a pause longer than its lease. The handler's effect must
// say so itself, with a row that commits in its transaction.
//
// Order: the client hands out the messages of an ordering key one after the
// other, and does not stop for one that is given back. What comes after a failed
// message may have its effect before it; a handler that minds must look.
package pubsubconsumer

import (
	"context"
	"errors"
	"time"

	"cloud.google.com/go/pubsub/v2"
)

// A Message is one message of the subscription.
type Message struct {
	ID         string // Pub/Sub's, the same in each delivery
	Key        string // ordering key, or empty
	Data       []byte
	Attributes map[string]string
	Published  time.Time
	Deliveries int // this one included; 1 where the subscription has no dead-letter policy
}

// Failures counts the failures of messages, where they survive this process.
// Forget what is older than the subscription retains.
type Failures struct {
	// Count returns how often a message failed.
	Count func(ctx context.Context, id string) (int, error)
	// Add records one more and returns how many there are then.
	Add func(ctx context.Context, id, reason string) (int, error)
	// Undo takes one back: what was counted before the handler ran was no failure.
	Undo func(ctx context.Context, id string) error
}

// A Consumer consumes one subscription. Subscriber, DeadLetters, Handle, Probe and
// Failures must be set before Run, and nothing may change after.
type Consumer struct {
	Subscriber  *pubsub.Subscriber // its ReceiveSettings are set by Run
	DeadLetters *pubsub.Publisher  // of the dead-letter topic, without ordering
	// Handle handles one message. Its context ends after Quick or Deadline.
	Handle func(ctx context.Context, m Message) error
	// Probe tells whether the handler's dependencies answer, and soon. It is asked
	// when a handler took too long, and until it succeeds after an Unavailable.
	Probe    func(ctx context.Context) error
	Failures Failures

	Outstanding int           // messages held at once; default 200
	Slow        int           // of those, messages that run after a failure; as many wait; default a quarter
	Quick       time.Duration // for the first run of a message; default 500 ms
	Deadline    time.Duration // for a run after a failure; default 1 s
	MaxFailures int           // default 5
	Suspect     int           // default 10 deliveries
	// Observe is told how each message ended this time, and of calls that failed,
	// with an empty message; may be nil. It is called by many goroutines.
	Observe func(m Message, o Outcome, err error)
}

// An Outcome is how a message ended this time.
type Outcome string

// The outcomes.
const (
	Done     Outcome = "done"
	Retried  Outcome = "retried"  // it failed, and comes again
	Released Outcome = "released" // given back without having failed
	Dead     Outcome = "dead"     // on the dead-letter topic
	Failed   Outcome = "failed"   // a call to Pub/Sub failed
)

func (c *Consumer) withDefaults() *Consumer {
	d := *c
	d.Outstanding = orDefault(d.Outstanding, 200)
	d.Slow = orDefault(d.Slow, max(1, d.Outstanding/4))
	d.Quick = orDefault(d.Quick, 500*time.Millisecond)
	d.Deadline = orDefault(d.Deadline, time.Second)
	d.MaxFailures = orDefault(d.MaxFailures, 5)
	d.Suspect = orDefault(d.Suspect, 10)
	if d.Observe == nil {
		d.Observe = func(Message, Outcome, error) {}
	}
	return &d
}

func orDefault[T int | time.Duration](value, otherwise T) T {
	if value <= 0 {
		return otherwise
	}
	return value
}

// Run consumes until ctx ends, finishes what runs, gives the rest back, and
// returns. It returns an error only if the consumer lacks something.
func (c *Consumer) Run(ctx context.Context) error {
	if c.Subscriber == nil || c.DeadLetters == nil || c.Handle == nil || c.Probe == nil || c.Failures.Count == nil || c.Failures.Add == nil || c.Failures.Undo == nil {
		return errors.New("pubsubconsumer: a consumer needs a subscriber, a dead-letter topic, a handler, a probe and a count of failures")
	}
	r := &running{Consumer: c.withDefaults(), breaker: newBreaker(c.Probe)}
	r.slow, r.queue = make(chan struct{}, r.Slow), make(chan struct{}, r.Slow)
	r.Subscriber.ReceiveSettings.MaxOutstandingMessages = r.Outstanding
	// A process that dies keeps what it holds for as long as its last extension.
	r.Subscriber.ReceiveSettings.MaxDurationPerAckExtension = 10 * time.Second
	for failures := 0; r.breaker.pass(ctx); {
		if err := r.receive(ctx); err != nil {
			failures++
			r.Observe(Message{}, Failed, err)
			wait(ctx, min(time.Second/2<<min(failures-1, 6), 30*time.Second))
			continue
		}
		failures = 0
	}
	return nil
}

// running is a consumer at work.
type running struct {
	*Consumer
	breaker *breaker
	slow    chan struct{} // places of messages that failed before
	queue   chan struct{} // places of those that wait for one
}

// receive takes messages until ctx ends or a dependency is away.
func (r *running) receive(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	r.breaker.onTrip(stop)
	return r.Subscriber.Receive(ctx, func(_ context.Context, m *pubsub.Message) {
		if ctx.Err() != nil { // it waited behind others when this ended
			m.Nack()
			r.Observe(Read(m), Released, nil)
			return
		}
		// What runs when this ends is finished: it is bounded by its deadline.
		r.take(context.WithoutCancel(ctx), m)
	})
}

// Read returns what a handler sees of a message of the client.
func Read(m *pubsub.Message) Message {
	deliveries := 1
	if m.DeliveryAttempt != nil {
		deliveries = *m.DeliveryAttempt
	}
	return Message{ID: m.ID, Key: m.OrderingKey, Data: m.Data, Attributes: m.Attributes, Published: m.PublishTime, Deliveries: deliveries}
}

// wait reports whether the time passed before ctx ended.
func wait(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
