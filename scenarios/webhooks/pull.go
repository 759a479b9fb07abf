package webhooks

import (
	"context"
	"time"

	"cloud.google.com/go/pubsub/v2"
)

// pull receives from the subscription until ctx ends; what was received by then is
// applied and acknowledged. It returns an error when the service refuses for good,
// as where there is no such subscription.
func (p *processor) pull(ctx context.Context, s *pubsub.Subscriber) error {
	s.ReceiveSettings.MaxOutstandingMessages = maxHeld
	s.ReceiveSettings.MaxOutstandingBytes = 64 << 20
	// Leases are short and extended: a process that dies gives its messages back
	// after this long, and one that waits for PostgreSQL keeps them.
	s.ReceiveSettings.MinDurationPerAckExtension = lease
	s.ReceiveSettings.MaxDurationPerAckExtension = lease
	s.ReceiveSettings.MaxExtension = time.Hour
	s.ReceiveSettings.ShutdownOptions = &pubsub.ShutdownOptions{Timeout: stopTime, Behavior: pubsub.ShutdownBehaviorWaitForProcessing}
	return s.Receive(ctx, func(ctx context.Context, m *pubsub.Message) {
		// Returning at once lets the next event of the same account join the same
		// batch: the client calls this for one message of a key at a time.
		p.handle(context.WithoutCancel(ctx), m.Data, m.Attributes, func(err error) {
			if err != nil {
				m.Nack()
				return
			}
			m.Ack()
		})
	})
}

const (
	lease    = 15 * time.Second
	stopTime = 5 * time.Second // within the ten seconds that Cloud Run gives
)
