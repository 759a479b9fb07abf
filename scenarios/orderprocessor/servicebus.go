package orderprocessor

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"

	"github.com/provingground/provingground/pkg/role"
)

// OpenServiceBus returns a client, which the caller closes. The SDK itself tries
// twice, to mend a link that was lost while nobody used it; callers do the rest.
func OpenServiceBus(connection string) (*azservicebus.Client, error) {
	client, err := azservicebus.NewClientFromConnectionString(connection, &azservicebus.ClientOptions{
		RetryOptions: azservicebus.RetryOptions{MaxRetries: 1, RetryDelay: 50 * time.Millisecond, MaxRetryDelay: 200 * time.Millisecond},
	})
	if err != nil {
		return nil, fmt.Errorf("%w: SERVICEBUS_CONNECTION_STRING is none", role.ErrUsage) // the error may quote the key
	}
	return client, nil
}

// errNotAttempted says that nothing was done and nothing will be.
var errNotAttempted = errors.New("not attempted")

// queue is where orders go.
type queue struct {
	sender *azservicebus.Sender
	places chan struct{} // of those under way: while the broker is silent nobody else waits for it
}

// maxSending bounds the orders that wait for the broker's answer.
const maxSending = 512

func newQueue(client *azservicebus.Client, name string) (*queue, error) {
	sender, err := client.NewSender(name, nil)
	if err != nil {
		return nil, fmt.Errorf("queue %s: %w", name, err)
	}
	return &queue{sender, make(chan struct{}, maxSending)}, nil
}

// send returns when the broker has the order. With errNotAttempted it has not, any
// other error leaves that open.
func (q *queue) send(ctx context.Context, o Order, now time.Time) error {
	select {
	case q.places <- struct{}{}:
		defer func() { <-q.places }()
	default:
		return fmt.Errorf("%w: %d orders wait for the broker", errNotAttempted, maxSending)
	}
	// The SDK tries twice, so that no error, not even of a connection that was never
	// made or of a message that was refused, says that the first try came to nothing.
	return q.sender.SendMessage(ctx, message(o, now), nil)
}
