package pubsubdlq

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/api/iterator"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/provingground/provingground/pkg/pubsubconsumer"
	"github.com/provingground/provingground/pkg/traces"
)

// Subscriber is what the subscriber role needs besides the rest.
type Subscriber struct {
	Client       *pubsub.Client
	Traces       *traces.Provider
	Subscription string
	DeadTopic    string
	OnPoison     OnPoison
	Outstanding  int
}

// consumer of the subscription.
func (s Subscriber) consumer(b *biller, m *metrics, log *slog.Logger) *pubsubconsumer.Consumer {
	return &pubsubconsumer.Consumer{
		Subscriber: s.Client.Subscriber(s.Subscription), DeadLetters: newTopic(s.Client, s.DeadTopic, false).Publisher,
		Handle: s.traced(b.handle), Failures: failuresIn(b.db), Outstanding: s.Outstanding,
		Probe: func(ctx context.Context) error {
			ctx, cancel := context.WithTimeout(ctx, probeTimeout)
			defer cancel()
			return b.db.Ping(ctx)
		},
		Observe: func(msg pubsubconsumer.Message, o pubsubconsumer.Outcome, err error) {
			m.messages.WithLabelValues(string(o)).Inc()
			m.deliveries(msg.Deliveries)
			if err != nil {
				log.Warn("message", "id", msg.ID, "deliveries", msg.Deliveries, "outcome", string(o), "error", err)
			}
		},
	}
}

// traced gives each attempt at a message a span that links to the request which it
// comes from.
func (s Subscriber) traced(handle func(context.Context, pubsubconsumer.Message) error) func(context.Context, pubsubconsumer.Message) error {
	from := traces.Channel{System: "gcp_pubsub", Name: s.Subscription}
	return traces.Each(s.Traces, from, func(m pubsubconsumer.Message) map[string]string { return m.Attributes }, handle)
}

// probeTimeout is half of what a first run may take: a database that needs longer is
// not well, and no message is blamed.
const probeTimeout = 250 * time.Millisecond

// checkDeadLetters refuses a dead-letter topic that nobody listens to: Pub/Sub keeps
// nothing for a subscription that is made later.
func checkDeadLetters(ctx context.Context, client *pubsub.Client, topic string) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	name := topic
	if !strings.Contains(topic, "/") {
		name = fmt.Sprintf("projects/%s/topics/%s", client.Project(), topic)
	}
	_, err := client.TopicAdminClient.ListTopicSubscriptions(ctx, &pubsubpb.ListTopicSubscriptionsRequest{Topic: name}).Next()
	switch {
	case err == nil:
		return nil
	case err == iterator.Done, status.Code(err) == codes.NotFound:
		return fmt.Errorf("%w: %s", ErrNoDeadLetters, name)
	}
	return fmt.Errorf("subscriptions of %s: %w", name, err)
}
