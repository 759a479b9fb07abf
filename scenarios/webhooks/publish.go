package webhooks

import (
	"time"

	"cloud.google.com/go/pubsub/v2"

	"github.com/provingground/provingground/pkg/pubsubproducer"
)

const (
	// publishTimeout bounds one batch with all its repetitions by the client. It is
	// shorter than acceptTimeout, so that a request learns how its event ended.
	publishTimeout = 3 * time.Second
	// publishDelay costs no time at low rates: every event is a batch of its own.
	publishDelay = time.Millisecond
)

// newPublisher returns the topic of events, in the order of their accounts. What
// waited behind a failed event of its account may overtake it: who sent that was not
// told 202, so nobody's order is broken; and whoever repeats it may come late, for
// versions decide.
func newPublisher(client *pubsub.Client, topic string, m *metrics) *pubsubproducer.Topic {
	t := pubsubproducer.NewTopic(client, topic, true, publishTimeout, publishDelay)
	t.Resumed = m.resumed.Inc
	return t
}
