package sessionqueue

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"
)

// serve handles the messages of a session, and gives it back.
func (c *Consumer) serve(ctx, working context.Context, s *azservicebus.SessionReceiver) {
	working, lose := context.WithCancelCause(working)
	renewing := make(chan struct{})
	go func() { defer close(renewing); c.renew(working, s, lose) }()
	for n := 0; n < c.Turn && working.Err() == nil; n++ {
		m := c.next(ctx, s)
		if m == nil || !c.handle(ctx, working, s, m) {
			break
		}
	}
	lose(context.Canceled)
	<-renewing
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTimeout)
	defer cancel()
	if err := s.Close(closing); err != nil {
		c.Observe(nil, Failed, fmt.Errorf("give back session %s: %w", s.SessionID(), err))
	}
}

// next returns nil when the session has no message for a while, and at the end.
func (c *Consumer) next(ctx context.Context, s *azservicebus.SessionReceiver) *Message {
	waiting, cancel := context.WithTimeout(ctx, c.Idle)
	defer cancel()
	got, err := s.ReceiveMessages(waiting, 1, nil)
	if err != nil && waiting.Err() == nil {
		c.Observe(nil, Failed, fmt.Errorf("receive from session %s: %w", s.SessionID(), err))
	}
	if len(got) == 0 {
		return nil
	}
	return got[0]
}

// renew keeps the lock until ctx ends, and tells when it is lost. A renewal that
// fails for another reason is tried again for as long as the lock lasts.
func (c *Consumer) renew(ctx context.Context, s *azservicebus.SessionReceiver, lose context.CancelCauseFunc) {
	for {
		left := time.Until(s.LockedUntil())
		if left <= 0 {
			lose(ErrLost)
			return
		}
		if !sleep(ctx, max(left/3, 10*time.Millisecond)) {
			return
		}
		call, cancel := context.WithTimeout(ctx, min(callTimeout, left))
		err := s.RenewSessionLock(call, nil)
		cancel()
		switch {
		case err == nil || ctx.Err() != nil:
		case is(err, azservicebus.CodeLockLost):
			lose(fmt.Errorf("%w: %w", ErrLost, err))
			return
		default:
			c.Observe(nil, Failed, fmt.Errorf("renew session %s: %w", s.SessionID(), err))
		}
	}
}

// handle handles a message until it is settled, and reports whether the session
// goes on.
func (c *Consumer) handle(ctx, working context.Context, s *azservicebus.SessionReceiver, m *Message) bool {
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		err := c.call(working, m)
		switch {
		case err == nil:
			return c.settled(m, Done, nil, c.settle(working, func(call context.Context) error { return s.CompleteMessage(call, m, nil) }))
		case errors.Is(context.Cause(working), ErrLost):
			c.Observe(m, Lost, err)
			return false
		case working.Err() != nil:
			c.Observe(m, Released, err)
			return false
		case errors.As(err, new(*permanent)):
			return c.settled(m, Dead, err, c.settle(working, func(call context.Context) error { return s.DeadLetterMessage(call, m, letter(err)) }))
		case errors.As(err, new(*unavailable)):
			c.Observe(m, Waiting, err)
			// At the end the message is given back with its session, not abandoned.
			if !sleep(ctx, jittered(pause)) {
				c.Observe(m, Released, err)
				return false
			}
		default:
			sleep(ctx, jittered(delay(m.DeliveryCount)))
			return c.settled(m, Retried, err, c.settle(working, func(call context.Context) error { return s.AbandonMessage(call, m, nil) }))
		}
	}
}

// call turns a panic of the handler into an error: one message must not end the
// others.
func (c *Consumer) call(ctx context.Context, m *Message) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the handler panicked: %v", p)
		}
	}()
	return c.Handle(ctx, m)
}

// settle is not cut off by the end of the consumer: the work is done.
func (c *Consumer) settle(ctx context.Context, do func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTimeout)
	defer cancel()
	return do(ctx)
}

// settled reports how a message ended, and whether the session goes on: where
// settling failed the message is not gone, and no later one may pass it.
func (c *Consumer) settled(m *Message, o Outcome, reason, err error) bool {
	switch {
	case err == nil:
		c.Observe(m, o, reason)
	case is(err, azservicebus.CodeLockLost):
		c.Observe(m, Lost, err)
	default:
		c.Observe(m, Failed, fmt.Errorf("settle as %s: %w", o, err))
	}
	return err == nil
}

// maxText is under what the service takes for each of the two properties, 4096
// characters.
const maxText = 1000

func letter(err error) *azservicebus.DeadLetterOptions {
	p, _ := errors.AsType[*permanent](err)
	return &azservicebus.DeadLetterOptions{Reason: to.Ptr(p.reason), ErrorDescription: to.Ptr(fmt.Sprintf("%.*s", maxText, err.Error()))}
}

// delay grows with the number of deliveries.
func delay(delivery uint32) time.Duration {
	return min(firstPause<<min(delivery, 10), 5*time.Second)
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
