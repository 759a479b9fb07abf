package pubsubdlq

import (
	"context"
	"time"

	"cloud.google.com/go/pubsub/v2"

	"github.com/provingground/provingground/pkg/pubsubconsumer"
)

// Before is the subscriber as the question found it.
type Before struct {
	Client       *pubsub.Client
	Subscription string
	Outstanding  int
}

// run gives back whatever fails, however often, and lets a handler take as long as it
// takes. Its effect is the same, inbox included: only what it does with poison differs.
func (b Before) run(ctx context.Context, biller *biller, m *metrics) error {
	subscriber := b.Client.Subscriber(b.Subscription)
	subscriber.ReceiveSettings.MaxOutstandingMessages = b.Outstanding
	// For the comparison's sake: it has to end, with handlers that do not.
	subscriber.ReceiveSettings.ShutdownOptions = &pubsub.ShutdownOptions{Timeout: time.Second, Behavior: pubsub.ShutdownBehaviorNackImmediately}
	return subscriber.Receive(ctx, func(ctx context.Context, raw *pubsub.Message) {
		err := biller.handle(ctx, pubsubconsumer.Read(raw))
		if err != nil {
			raw.Nack()
			m.messages.WithLabelValues("before-retried").Inc()
			return
		}
		raw.Ack()
		m.messages.WithLabelValues("before-done").Inc()
	})
}
