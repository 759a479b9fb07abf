package servicebusconsumer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"
)

// takeMessages handles one message after the other until ctx ends. It has a link of
// its own: one that is shared hands out what others have asked for.
func (c *Consumer) takeMessages(ctx, working context.Context) {
	r, err := c.open()
	if err != nil {
		c.Observe(nil, Failed, err)
		return
	}
	c.again(ctx, func() error {
		got, err := r.ReceiveMessages(ctx, 1, nil)
		for _, m := range got {
			c.alone(ctx, working, r, m)
		}
		if err != nil {
			return fmt.Errorf("receive from %s: %w", c.Queue, err)
		}
		return nil
	})
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

// alone handles a message whose lock is its own, and gives it back if the consumer
// stops before it is handled.
func (c *Consumer) alone(ctx, working context.Context, r *azservicebus.Receiver, m *Message) {
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
	defer stop()
	if c.handle(ctx, working, r, m) || errors.Is(context.Cause(working), ErrLost) {
		return
	}
	if err := c.settle(ctx, func(call context.Context) error { return r.AbandonMessage(call, m, nil) }); err != nil && !is(err, azservicebus.CodeLockLost) {
		c.Observe(nil, Failed, fmt.Errorf("give back message %s: %w", m.MessageID, err))
	}
}
