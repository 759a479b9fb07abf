package pubsubdlq

import (
	"time"

	"cloud.google.com/go/pubsub/v2"

	"github.com/provingground/provingground/pkg/pubsubproducer"
)

const (
	publishTimeout = 2500 * time.Millisecond // the publisher gives up before its caller does
	publishDelay   = 2 * time.Millisecond    // a batch waits so long for more
)

// newTopic returns a topic. With ordering each message's key is kept.
func newTopic(client *pubsub.Client, name string, ordering bool) *pubsubproducer.Topic {
	return pubsubproducer.NewTopic(client, name, ordering, publishTimeout, publishDelay)
}
