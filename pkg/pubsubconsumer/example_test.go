package pubsubconsumer_test

import (
	"context"
	"encoding/json"
	"errors"

	"cloud.google.com/go/pubsub/v2"

	"github.com/provingground/provingground/pkg/pubsubconsumer"
)

// store is yours: a table of failures, and the effect.
type store interface {
	Ping(ctx context.Context) error
	Failures() pubsubconsumer.Failures
	Ship(ctx context.Context, event, order string) error // once, by the event's id
}

var errStoreAway = errors.New("the store does not answer")

// A message without an order is poison; a store that is away is not.
func Example() {
	run := func(ctx context.Context, client *pubsub.Client, db store) error {
		c := &pubsubconsumer.Consumer{
			Subscriber: client.Subscriber("orders-shipping"), DeadLetters: client.Publisher("orders-dead"),
			Probe: db.Ping, Failures: db.Failures(),
			Handle: func(ctx context.Context, m pubsubconsumer.Message) error {
				var body struct{ Order string }
				if err := json.Unmarshal(m.Data, &body); err != nil {
					return pubsubconsumer.Permanent("malformed", err)
				}
				err := db.Ship(ctx, m.Attributes["ce-id"], body.Order)
				if errors.Is(err, errStoreAway) {
					return pubsubconsumer.Unavailable(err)
				}
				return err
			},
		}
		return c.Run(ctx)
	}
	_ = run
	// Output:
}
