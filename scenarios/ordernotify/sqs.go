package ordernotify

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/provingground/provingground/pkg/sqsconsumer"
)

// queue is what a role consumes, by name. Its dead-letter queue has the same
// name with "-dead" behind it.
type queue struct {
	client    *sqs.Client
	name      string
	url, dead string
}

// findQueue looks up the addresses of a queue and its dead-letter queue.
func findQueue(ctx context.Context, client *sqs.Client, name string) (queue, error) {
	q := queue{client: client, name: name}
	for suffix, url := range map[string]*string{"": &q.url, "-dead": &q.dead} {
		out, err := client.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: aws.String(name + suffix)})
		if err != nil {
			return queue{}, fmt.Errorf("queue %s%s: %w", name, suffix, err)
		}
		*url = aws.ToString(out.QueueUrl)
	}
	return q, nil
}

// consumer of a queue whose handler needs the database. The template's
// maxReceiveCount is far above MaxReceives: it is for messages that kill.
func (q queue) consumer(db *pgxpool.Pool, m *metrics, log *slog.Logger, visibility time.Duration, handle func(context.Context, sqsconsumer.Message) error) *sqsconsumer.Consumer {
	return &sqsconsumer.Consumer{
		Client: q.client, QueueURL: q.url, DeadLetterURL: q.dead, Handle: handle,
		Probe:   db.Ping,
		Workers: 4, Visibility: visibility, Wait: 2 * time.Second, MaxReceives: 5, Grace: 5 * time.Second,
		Observe: func(message sqsconsumer.Message, o sqsconsumer.Outcome, err error) {
			m.messages.WithLabelValues(q.name, string(o)).Inc()
			if err != nil {
				log.Warn("message", "queue", q.name, "id", message.ID, "receives", message.Receives, "outcome", string(o), "error", err)
			}
		},
	}
}
