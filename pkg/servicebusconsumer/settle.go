package servicebusconsumer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"
)

// settler is who a message was received from.
type settler interface {
	CompleteMessage(ctx context.Context, m *Message, o *azservicebus.CompleteMessageOptions) error
	DeadLetterMessage(ctx context.Context, m *Message, o *azservicebus.DeadLetterOptions) error
	AbandonMessage(ctx context.Context, m *Message, o *azservicebus.AbandonMessageOptions) error
}

// hold keeps a lock until stop is called. The context that it returns ends when the
// lock is lost, with ErrLost as its cause.
func (c *Consumer) hold(working context.Context, l lock) (_ context.Context, stop func()) {
	working, lose := context.WithCancelCause(working)
	renewing := make(chan struct{})
	go func() { defer close(renewing); c.renew(working, l, lose) }()
	return working, func() { lose(context.Canceled); <-renewing }
}

// renew keeps the lock until ctx ends, and tells when it is lost. A renewal that
// fails for another reason is tried again for as long as the lock lasts.
func (c *Consumer) renew(ctx context.Context, l lock, lose context.CancelCauseFunc) {
	for {
		left := time.Until(l.until())
		if left <= 0 {
			lose(ErrLost)
			return
		}
		if !sleep(ctx, max(left/3, 10*time.Millisecond)) {
			return
		}
		// The process may have stood still. The SDK would renew a session that ran out
		// by taking it anew, and others may have had it.
		if left = time.Until(l.until()); left <= 0 {
			continue
		}
		call, cancel := context.WithTimeout(ctx, min(callTimeout, left))
		err := l.renew(call)
		cancel()
		switch {
		case err == nil || ctx.Err() != nil:
		case lost(err):
			lose(fmt.Errorf("%w: %w", ErrLost, err))
			return
		default:
			c.Observe(nil, Failed, fmt.Errorf("renew %s: %w", l.what, err))
		}
	}
}

// An ending is what became of a message that was handled.
type ending int

const (
	settled   ending = iota
	unsettled        // it is still locked, or lost
	failing          // and the handler failed of it
)

// handle handles a message until it is settled, and reports whether it is: if not, no
// later one of its session may pass.
func (c *Consumer) handle(ctx, working context.Context, s settler, m *Message) bool {
	end, err := c.try(ctx, working, s, m)
	if end == failing {
		end = c.failed(ctx, working, s, m, failures(m)+1, err)
	}
	return end == settled
}

// try handles a message, and settles it unless the handler failed of it. While a
// dependency is away it tries again.
func (c *Consumer) try(ctx, working context.Context, s settler, m *Message) (ending, error) {
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		err := c.call(working, m)
		switch {
		case err == nil:
			return c.settled(m, Done, nil, c.settle(working, func(call context.Context) error { return s.CompleteMessage(call, m, nil) })), nil
		case errors.Is(context.Cause(working), ErrLost):
			c.Observe(m, Lost, err)
			return unsettled, err
		case working.Err() != nil:
			c.Observe(m, Released, err)
			return unsettled, err
		case errors.As(err, new(*permanent)):
			return c.bury(working, s, m, reasonOf(err), err), nil
		case !errors.As(err, new(*unavailable)):
			return failing, err
		}
		c.Observe(m, Waiting, err)
		// At the end the message is given back as it is: this was no failure.
		if !sleep(ctx, jittered(pause)) {
			c.Observe(m, Released, err)
			return unsettled, err
		}
	}
}

// call turns a panic of the handler into an error: one message must not end the
// others.
func (c *Consumer) call(ctx context.Context, m *Message) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &panicked{p}
		}
	}()
	return c.Handle(ctx, m)
}

const propertyFailures = "failures"

// failures is how often the handler failed of a message, before it was given back.
func failures(m *Message) int64 {
	n, _ := m.ApplicationProperties[propertyFailures].(int64)
	return n
}

// remember gives a message back with the number of its failures.
func (c *Consumer) remember(failures int64) *azservicebus.AbandonMessageOptions {
	if c.MaxFailures == 0 || failures == 0 {
		return nil
	}
	return &azservicebus.AbandonMessageOptions{PropertiesToModify: map[string]any{propertyFailures: failures}}
}

// failed abandons a message after a pause, or gives it up.
func (c *Consumer) failed(ctx, working context.Context, s settler, m *Message, failures int64, err error) ending {
	if c.MaxFailures > 0 && failures >= int64(c.MaxFailures) {
		return c.bury(working, s, m, reasonOf(err), err)
	}
	sleep(ctx, jittered(delay(max(failures, int64(m.DeliveryCount)))))
	return c.settled(m, Retried, err, c.settle(working, func(call context.Context) error { return s.AbandonMessage(call, m, c.remember(failures)) }))
}

// reasonOf is what a dead letter says of an error.
func reasonOf(err error) string {
	if p, ok := errors.AsType[*permanent](err); ok {
		return p.reason
	}
	if errors.As(err, new(*panicked)) {
		return Panicked
	}
	return KeepsFailing
}

// maxText is under what the service takes for each of the two properties, 4096
// characters.
const maxText = 1000

func (c *Consumer) bury(ctx context.Context, s settler, m *Message, reason string, err error) ending {
	letter := &azservicebus.DeadLetterOptions{Reason: to.Ptr(reason), ErrorDescription: to.Ptr(fmt.Sprintf("%.*s", maxText, err.Error()))}
	return c.settled(m, Dead, err, c.settle(ctx, func(call context.Context) error { return s.DeadLetterMessage(call, m, letter) }))
}

// settle is not cut off by the end of the consumer: the work is done. It is by the
// loss of the lock, for a link that lost its session answers nothing, and go-amqp
// v1.7.0 waits for that as long as it may.
func (c *Consumer) settle(working context.Context, do func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(working), callTimeout)
	defer cancel()
	gone := func() bool { return errors.Is(context.Cause(working), ErrLost) }
	if gone() {
		return ErrLost
	}
	stop := context.AfterFunc(working, func() {
		if gone() {
			cancel()
		}
	})
	defer stop()
	err := do(ctx)
	if err != nil && gone() {
		return fmt.Errorf("%w: %w", ErrLost, err)
	}
	return err
}

// settled reports how a message ended.
func (c *Consumer) settled(m *Message, o Outcome, reason, err error) ending {
	switch {
	case err == nil:
		c.Observe(m, o, reason)
		return settled
	case lost(err):
		c.Observe(m, Lost, err)
	default:
		c.Observe(m, Failed, fmt.Errorf("settle as %s: %w", o, err))
	}
	return unsettled
}

// delay grows with what went wrong before.
func delay(times int64) time.Duration {
	return min(firstPause<<min(times, 10), 5*time.Second)
}
