// Package servicebusconsumer consumes an Azure Service Bus queue: one with sessions
// the messages of a session one after the other and those of many sessions side by
// side, one without in any order.
//
// Each worker takes ONE message at a time and finishes it before it takes the next:
// a message that is received ahead waits with its lock running, and is handled here
// after somebody else has got it. The lock is renewed while the handler works. What
// a handler returns decides:
//
//   - nil: completed.
//   - [Permanent]: dead-lettered with its reason, and the next one passes.
//   - [Unavailable]: a dependency is away. The message stays where it is, locked,
//     and is handled again after a pause, as often as it takes: an outage costs a
//     message no delivery and lets no later message of its session pass.
//   - anything else, and a panic: handled again after a pause. MaxFailures decides how
//     often, else the queue's MaxDeliveryCount; meanwhile its session waits. Without
//     sessions it waits beside the workers, with its lock kept, and what failed before
//     has a quarter of their places: poison does not keep healthy messages waiting.
//
// A message may be handled twice: after a crash, a lost answer, or a pause longer
// than the lock. The one who lost the lock learns it late. So the handler's effect
// must be conditional in its own store.
package servicebusconsumer

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"
)

// A Message is one message of the queue.
type Message = azservicebus.ReceivedMessage

// A Consumer consumes one queue. Client, Queue and Handle must be set before Run,
// and nothing may change after.
type Consumer struct {
	// Client should retry little: the consumer itself tries again.
	Client *azservicebus.Client
	Queue  string
	Dead   bool // consume the queue's dead letters instead: they have no sessions
	// Handle handles one message. Its context ends when the lock is lost, with ErrLost
	// as its cause, or Grace after the consumer was told to stop.
	Handle func(ctx context.Context, m *Message) error

	Sessions int // held at the same time, of a queue with sessions
	Messages int // handled at the same time, of a queue without; default 8
	// MaxFailures is how often the handler may fail of a message before it is
	// dead-lettered as KeepsFailing or Panicked, with the last error as description.
	// Failures are counted in its property "failures": a lock that was lost is none.
	// At most what the queue's MaxDeliveryCount leaves; 0 leaves it to that.
	MaxFailures int
	Idle        time.Duration // a session is given back when nothing came for that long; default 100 ms
	Turn        int           // and after so many messages, so that a busy one does not keep its worker; default 100
	Grace       time.Duration // for handlers under way when the consumer stops; default 10 s
	// Observe is told how each message ended, and of calls that failed, with a nil
	// message; may be nil. It is called by many goroutines.
	Observe func(m *Message, o Outcome, err error)

	lane *lane // of a queue without sessions
}

// An Outcome is how a message ended this time.
type Outcome string

// The outcomes.
const (
	Done     Outcome = "done"
	Waiting  Outcome = "waiting"  // a dependency is away: told once for each pause
	Retried  Outcome = "retried"  // it failed, and is handled again
	Released Outcome = "released" // given back: the consumer stops
	Dead     Outcome = "dead"     // dead-lettered
	Lost     Outcome = "lost"     // the lock is no longer ours: the message comes again elsewhere
	Failed   Outcome = "failed"   // a call to Service Bus failed: the message comes back by itself
)

// Reasons of dead letters that the consumer itself gives.
const (
	KeepsFailing = "keeps-failing"
	Panicked     = "panicked"
)

const (
	callTimeout   = 10 * time.Second // for a call that settles, renews or closes
	acceptTimeout = 30 * time.Second // then the wait for a free session begins anew
	firstPause    = 100 * time.Millisecond
	lastPause     = 2 * time.Second
)

func (c *Consumer) withDefaults() *Consumer {
	d := *c
	if d.Messages <= 0 {
		d.Messages = 8
	}
	if d.Idle <= 0 {
		d.Idle = 100 * time.Millisecond
	}
	if d.Turn <= 0 {
		d.Turn = 100
	}
	if d.Grace <= 0 {
		d.Grace = 10 * time.Second
	}
	if d.Observe == nil {
		d.Observe = func(*Message, Outcome, error) {}
	}
	return &d
}

// Run consumes until ctx ends, waits up to Grace for handlers, gives back what it
// holds and returns. It returns an error only if the consumer lacks something.
func (c *Consumer) Run(ctx context.Context) error {
	if c.Client == nil || c.Queue == "" || c.Handle == nil {
		return errors.New("servicebusconsumer: a consumer needs a client, a queue and a handler")
	}
	if c.Dead && c.Sessions > 0 {
		return errors.New("servicebusconsumer: dead letters have no sessions")
	}
	r := c.withDefaults()
	r.lane = newLane(r.Messages)
	workers, work := r.Messages, r.takeMessages
	if r.Sessions > 0 {
		workers, work = r.Sessions, r.takeSessions
	}
	// Handlers outlive ctx by Grace.
	working, abort := context.WithCancel(context.WithoutCancel(ctx))
	defer abort()
	var all sync.WaitGroup
	for range workers {
		all.Go(func() { work(ctx, working) })
	}
	ended := make(chan struct{})
	go func() { all.Wait(); close(ended) }()
	select {
	case <-ended:
	case <-after(ctx, r.Grace, ended):
		abort()
		<-ended
	}
	return nil
}

// after is closed when d has passed since the end of ctx, unless ended comes first.
func after(ctx context.Context, d time.Duration, ended <-chan struct{}) <-chan struct{} {
	passed := make(chan struct{})
	go func() {
		select {
		case <-ctx.Done():
		case <-ended:
			return
		}
		t := time.NewTimer(d)
		defer t.Stop()
		select {
		case <-t.C:
			close(passed)
		case <-ended:
		}
	}()
	return passed
}

// again does something until ctx ends, with growing pauses while it fails.
func (c *Consumer) again(ctx context.Context, do func() error) {
	pause := firstPause
	for ctx.Err() == nil {
		err := do()
		switch {
		case err == nil:
			pause = firstPause
		case ctx.Err() != nil || is(err, azservicebus.CodeTimeout) || errors.Is(err, context.DeadlineExceeded):
			// there is nothing to take
		default:
			c.Observe(nil, Failed, err)
			sleep(ctx, jittered(pause))
			pause = min(2*pause, lastPause)
		}
	}
}

func jittered(d time.Duration) time.Duration { return d/2 + rand.N(d) }

// sleep reports whether the time passed before ctx ended.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
