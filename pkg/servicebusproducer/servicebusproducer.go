// Package servicebusproducer sends messages to Azure Service Bus queues, with a
// bound on those that wait for the broker's answer.
//
// A message is in the queue when Send returns nil. With [ErrNotAttempted] it is not
// and will not be; any other error leaves that open, for the SDK tries twice, and
// the first try may have come to something: send the same message id again, and let
// whoever consumes it tell.
package servicebusproducer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"
)

// ErrNotAttempted says that nothing was done and nothing will be.
var ErrNotAttempted = errors.New("not attempted")

// ErrConnection says that a connection string is none. It does not quote it: there
// is a key in it.
var ErrConnection = errors.New("not a connection string of Service Bus")

// Open returns a client, which the caller closes. It does no I/O. The SDK itself
// tries twice, to mend a link that was lost while nobody used it; callers do the
// rest.
func Open(connection string) (*azservicebus.Client, error) {
	client, err := azservicebus.NewClientFromConnectionString(connection, &azservicebus.ClientOptions{
		RetryOptions: azservicebus.RetryOptions{MaxRetries: 1, RetryDelay: 50 * time.Millisecond, MaxRetryDelay: 200 * time.Millisecond},
	})
	if err != nil {
		return nil, ErrConnection
	}
	return client, nil
}

// A Queue is where messages go. It may be used by many goroutines.
type Queue struct {
	sender *azservicebus.Sender
	places chan struct{} // of those under way: while the broker is silent nobody else waits for it
}

// New returns a queue for which at most waiting messages wait at the same time. It
// ends with the client.
func New(client *azservicebus.Client, name string, waiting int) (*Queue, error) {
	sender, err := client.NewSender(name, nil)
	if err != nil {
		return nil, fmt.Errorf("queue %s: %w", name, err)
	}
	return &Queue{sender, make(chan struct{}, waiting)}, nil
}

// Send returns when the broker has the message.
func (q *Queue) Send(ctx context.Context, m *azservicebus.Message) error {
	select {
	case q.places <- struct{}{}:
		defer func() { <-q.places }()
	default:
		return fmt.Errorf("%w: %d messages wait for the broker", ErrNotAttempted, cap(q.places))
	}
	return q.sender.SendMessage(ctx, m, nil)
}
