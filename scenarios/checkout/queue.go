package checkout

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

// queue takes carts that cannot be sold at once. Its address is looked up by the
// first one.
type queue struct {
	client *sqs.Client
	name   string

	mu  sync.Mutex
	url string
}

// put returns when SQS has the cart. An error may be of a cart that it has: the
// order's id is the same, so it is sold once all the same.
func (q *queue) put(ctx context.Context, c Cart) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	url, err := q.find(ctx)
	if err != nil {
		return errors.Join(ErrUnavailable, err)
	}
	raw, err := json.Marshal(c)
	if err != nil {
		return err
	}
	if _, err := q.client.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: &url, MessageBody: aws.String(string(raw))}); err != nil {
		return fmt.Errorf("queue cart: %w", err)
	}
	return nil
}

func (q *queue) find(ctx context.Context) (string, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.url != "" {
		return q.url, nil
	}
	out, err := q.client.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: &q.name})
	if err != nil {
		return "", fmt.Errorf("queue %s: %w", q.name, err)
	}
	q.url = aws.ToString(out.QueueUrl)
	return q.url, nil
}
