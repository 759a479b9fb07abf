package servicebusconsumer

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"
)

// lane is where messages wait that failed, with their locks kept, so that workers
// have room for others. A message that fails whenever it runs has a part of the
// places only, however many such there are.
type lane struct {
	waiting chan struct{} // places for messages that wait for their next run
	running chan struct{} // and for those that run
}

const (
	waitingPerWorker = 4
	workersPerRun    = 4
)

func newLane(workers int) *lane {
	return &lane{make(chan struct{}, waitingPerWorker*workers), make(chan struct{}, max(1, workers/workersPerRun))}
}

// enter takes a place to wait in, if there is one.
func (l *lane) enter() bool {
	select {
	case l.waiting <- struct{}{}:
		return true
	default:
		return false
	}
}

// takeMessages handles one message after the other until ctx ends. It has a link of
// its own: one that is shared hands out what others have asked for.
func (c *Consumer) takeMessages(ctx, working context.Context) {
	r, err := c.open()
	if err != nil {
		c.Observe(nil, Failed, err)
		return
	}
	var later sync.WaitGroup
	c.again(ctx, func() error {
		got, err := r.ReceiveMessages(ctx, 1, nil)
		for _, m := range got {
			c.alone(ctx, working, r, m, &later)
		}
		if err != nil {
			return fmt.Errorf("receive from %s: %w", c.Queue, err)
		}
		return nil
	})
	later.Wait()
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTimeout)
	defer cancel()
	if err := r.Close(closing); err != nil {
		c.Observe(nil, Failed, fmt.Errorf("close the link to %s: %w", c.Queue, err))
	}
}

// open makes a receiver, without I/O: its error is a mistake in the call.
func (c *Consumer) open() (*azservicebus.Receiver, error) {
	o := &azservicebus.ReceiverOptions{}
	if c.Dead {
		o.SubQueue = azservicebus.SubQueueDeadLetter
	}
	r, err := c.Client.NewReceiverForQueue(c.Queue, o)
	if err != nil {
		return nil, fmt.Errorf("queue %s: %w", c.Queue, err)
	}
	return r, nil
}

// alone handles a message whose lock is its own. If it fails it goes on later, beside
// the worker.
func (c *Consumer) alone(ctx, working context.Context, r *azservicebus.Receiver, m *Message, later *sync.WaitGroup) {
	until := func() time.Time {
		if m.LockedUntil == nil {
			return time.Now()
		}
		return *m.LockedUntil
	}
	working, stop := c.hold(working, lock{
		what: "message " + m.MessageID, until: until,
		renew: func(ctx context.Context) error { return r.RenewMessageLock(ctx, m, nil) },
	})
	end, err := c.try(ctx, working, r, m)
	switch {
	case end == failing && c.MaxFailures > 0 && c.lane.enter():
		later.Go(func() {
			defer stop()
			defer func() { <-c.lane.waiting }()
			c.retry(ctx, working, r, m, err)
		})
		return
	case end == failing:
		c.failed(ctx, working, r, m, failures(m)+1, err)
	case end == unsettled:
		c.giveBack(ctx, working, r, m, failures(m))
	}
	stop()
}

// retry handles a message that failed again and again, where it is, until it is
// settled, or the consumer stops.
func (c *Consumer) retry(ctx, working context.Context, r *azservicebus.Receiver, m *Message, err error) {
	for n := failures(m) + 1; ; n++ {
		if n >= int64(c.MaxFailures) {
			c.bury(working, r, m, reasonOf(err), err)
			return
		}
		c.Observe(m, Retried, err)
		if !sleep(ctx, jittered(delay(n))) || !c.run(ctx) {
			c.giveBack(ctx, working, r, m, n)
			return
		}
		var end ending
		end, err = c.try(ctx, working, r, m)
		<-c.lane.running
		if end == unsettled {
			c.giveBack(ctx, working, r, m, n)
		}
		if end != failing {
			return
		}
	}
}

// run takes a place to run in, and reports false if ctx ended first.
func (c *Consumer) run(ctx context.Context) bool {
	select {
	case c.lane.running <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

// giveBack lets others have a message that is not settled, unless they have it.
func (c *Consumer) giveBack(ctx, working context.Context, r *azservicebus.Receiver, m *Message, failures int64) {
	if errors.Is(context.Cause(working), ErrLost) {
		return
	}
	err := c.settle(ctx, func(call context.Context) error { return r.AbandonMessage(call, m, c.remember(failures)) })
	if err != nil && !is(err, azservicebus.CodeLockLost) {
		c.Observe(nil, Failed, fmt.Errorf("give back message %s: %w", m.MessageID, err))
	}
}
