package pubsubconsumer

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"cloud.google.com/go/pubsub/v2"
)

// Attributes that a dead letter has besides those of its message.
const (
	AttributeReason       = "dead-letter-reason"       // by which dead letters are grouped
	AttributeError        = "dead-letter-error"        // for people
	AttributeFailures     = "dead-letter-failures"     // how often it failed, the last time included
	AttributeMessage      = "dead-letter-message-id"   // Pub/Sub's id of the message that died
	AttributeKey          = "dead-letter-key"          // its ordering key
	AttributePublished    = "dead-letter-published-at" // its publish time, RFC 3339
	AttributeSubscription = "dead-letter-subscription" // that gave it up
)

// Pub/Sub takes 100 attributes of a message, and 1024 bytes of a value.
const (
	maxAttributes = 100
	maxValue      = 1024
)

const publishTimeout = 10 * time.Second

// bury publishes a message to the dead-letter topic, and acknowledges it when
// that is durable. Between the two a crash buries it twice.
func (r *running) bury(ctx context.Context, d *delivery, cause error) {
	ctx, cancel := context.WithTimeout(ctx, publishTimeout)
	defer cancel()
	letter := &pubsub.Message{Data: d.Data, Attributes: epitaph(d.Message, r.Subscriber.ID(), cause, d.failures)}
	if _, err := r.DeadLetters.Publish(ctx, letter).Get(ctx); err != nil {
		d.raw.Nack()
		r.Observe(d.Message, Failed, fmt.Errorf("publish to the dead-letter topic: %w", err))
		return
	}
	d.raw.Ack()
	r.Observe(d.Message, Dead, cause)
}

// epitaph is the message's attributes and why it died. Of a message that has too
// many the last ones by name are left out.
func epitaph(m Message, subscription string, cause error, failures int) map[string]string {
	why := map[string]string{
		AttributeReason:       reasonOf(cause),
		AttributeError:        cut(cause.Error(), errorLimit),
		AttributeFailures:     strconv.Itoa(failures),
		AttributeMessage:      m.ID,
		AttributePublished:    m.Published.UTC().Format(time.RFC3339Nano),
		AttributeSubscription: subscription,
	}
	if m.Key != "" {
		why[AttributeKey] = cut(m.Key, maxValue)
	}
	all := maps.Clone(why)
	for _, name := range slices.Sorted(maps.Keys(m.Attributes)) {
		if _, ours := why[name]; !ours && len(all) < maxAttributes {
			all[name] = m.Attributes[name]
		}
	}
	return all
}
