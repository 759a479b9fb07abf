package sqsconsumer_test

import (
	"context"
	"encoding/json"
	"errors"
	"net"

	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/provingground/provingground/pkg/sqsconsumer"
)

// The handler says what its error means; the consumer does the rest.
func Example() {
	consume := func(ctx context.Context, client *sqs.Client, store func(ctx context.Context, id string) error, ping func(context.Context) error) error {
		c := &sqsconsumer.Consumer{
			Client: client, QueueURL: "https://sqs…/orders", DeadLetterURL: "https://sqs…/orders-dead",
			Probe: ping,
			Handle: func(ctx context.Context, m sqsconsumer.Message) error {
				var order struct{ ID string }
				if err := json.Unmarshal([]byte(m.Body), &order); err != nil {
					return sqsconsumer.Permanent(err)
				}
				err := store(ctx, order.ID) // at least once: the row says if it is there already
				if _, away := errors.AsType[net.Error](err); away {
					return sqsconsumer.Unavailable(err)
				}
				return err
			},
		}
		return c.Run(ctx) // until ctx ends
	}
	_ = consume
}
