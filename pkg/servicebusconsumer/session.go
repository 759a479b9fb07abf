package servicebusconsumer

import (
	"context"
	"fmt"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"
)

// takeSessions serves one session after the other until ctx ends.
func (c *Consumer) takeSessions(ctx, working context.Context) {
	c.again(ctx, func() error {
		s, err := c.accept(ctx)
		if err != nil {
			return err
		}
		c.serve(ctx, working, s)
		return nil
	})
}

func (c *Consumer) accept(ctx context.Context) (*azservicebus.SessionReceiver, error) {
	ctx, cancel := context.WithTimeout(ctx, acceptTimeout)
	defer cancel()
	return c.Client.AcceptNextSessionForQueue(ctx, c.Queue, nil)
}

// serve handles the messages of a session, and gives it back.
func (c *Consumer) serve(ctx, working context.Context, s *azservicebus.SessionReceiver) {
	working, stop := c.hold(working, lock{
		what: "session " + s.SessionID(), until: s.LockedUntil,
		renew: func(ctx context.Context) error { return s.RenewSessionLock(ctx, nil) },
	})
	for n := 0; n < c.Turn && working.Err() == nil; n++ {
		m := c.next(ctx, s)
		if m == nil || !c.handle(ctx, working, s, m) {
			break
		}
	}
	stop()
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

// A lock is what is held while a handler works.
type lock struct {
	what  string
	until func() time.Time
	renew func(context.Context) error
}
