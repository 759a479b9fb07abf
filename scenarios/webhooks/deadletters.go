package webhooks

import (
	"context"
	"fmt"
	"maps"
	"time"

	"cloud.google.com/go/pubsub/v2"

	"github.com/provingground/provingground/pkg/pubsubproducer"
)

// deadLetters publishes what can never be applied, with its reason. The topic is
// also the one that the subscription's own policy forwards to, after its attempts:
// those letters have no reason, they ended their process.
type deadLetters struct{ topic *pubsubproducer.Topic }

func newDeadLetters(client *pubsub.Client, topic string) *deadLetters {
	return &deadLetters{pubsubproducer.NewTopic(client, topic, false, 5*time.Second, publishDelay)}
}

// publish returns when the letter is in the topic.
func (d *deadLetters) publish(ctx context.Context, data []byte, attributes map[string]string, reason error) error {
	all := maps.Clone(attributes)
	if all == nil {
		all = map[string]string{}
	}
	all[attributeReason] = fmt.Sprintf("%.300s", reason) // characters; the API takes 1024 bytes
	return d.topic.Publish(ctx, &pubsub.Message{Data: data, Attributes: all})
}

func (d *deadLetters) stop() { d.topic.Stop() }
