// Package deadqueue lists what a consumer of package sqsconsumer gave up, and
// sends it back: as a library, and as the command line of a program.
package deadqueue

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/provingground/provingground/pkg/sqsconsumer"
)

// DeadQueue looks into the dead-letter queue of a queue and sends its messages
// back. While it looks, nobody else sees them, for at most lookSeconds.
type DeadQueue struct{ queue sqsconsumer.Queue }

const (
	lookSeconds = 60
	maxLook     = 1000 // messages that one look takes
)

// A Letter is a message that its consumer gave up, and why. One that SQS
// moved by itself has no reason.
type Letter struct {
	ID     string `json:"id"` // on the dead-letter queue
	Reason string `json:"reason"`
	Body   string `json:"body"`

	message types.Message
}

// Open finds the dead-letter queue of a queue.
func Open(ctx context.Context, client *sqs.Client, queueName string) (*DeadQueue, error) {
	q, err := sqsconsumer.FindQueue(ctx, client, queueName)
	if err != nil {
		return nil, err
	}
	return &DeadQueue{q}, nil
}

// List returns up to 1000 messages, and leaves them where they are.
func (d *DeadQueue) List(ctx context.Context) ([]Letter, error) {
	all, err := d.take(ctx)
	for _, l := range all {
		err = errors.Join(err, d.giveBack(ctx, l))
	}
	return all, err
}

// Redrive sends messages back to the queue they came from and returns those that
// it sent: the one with this id, or all for an empty one. A body that is not
// empty replaces that of the message. Each is sent before it is deleted, so an
// end in between sends it twice, which its consumer does not mind.
func (d *DeadQueue) Redrive(ctx context.Context, id, body string) (sent []Letter, err error) {
	all, err := d.take(ctx)
	for _, l := range all {
		if err != nil || (id != "" && l.ID != id) {
			err = errors.Join(err, d.giveBack(ctx, l))
			continue
		}
		if body != "" {
			l.Body = body
		}
		if err = d.send(ctx, l); err == nil {
			sent = append(sent, l)
			err = d.remove(ctx, l)
		}
	}
	return sent, err
}

// take receives what is there, until a receive returns nothing.
func (d *DeadQueue) take(ctx context.Context) (all []Letter, err error) {
	for len(all) < maxLook {
		out, err := d.queue.Client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
			QueueUrl: &d.queue.DeadLetterURL, MaxNumberOfMessages: 10, VisibilityTimeout: lookSeconds, WaitTimeSeconds: 1, MessageAttributeNames: []string{"All"},
		})
		if err != nil {
			return all, fmt.Errorf("receive dead letters of %s: %w", d.queue.Name, err)
		}
		if len(out.Messages) == 0 {
			return all, nil
		}
		for _, m := range out.Messages {
			all = append(all, Letter{
				ID: aws.ToString(m.MessageId), Body: aws.ToString(m.Body), message: m,
				Reason: aws.ToString(m.MessageAttributes[sqsconsumer.AttributeReason].StringValue),
			})
		}
	}
	return all, nil
}

func (d *DeadQueue) giveBack(ctx context.Context, l Letter) error {
	_, err := d.queue.Client.ChangeMessageVisibility(ctx, &sqs.ChangeMessageVisibilityInput{QueueUrl: &d.queue.DeadLetterURL, ReceiptHandle: l.message.ReceiptHandle})
	return err
}

func (d *DeadQueue) send(ctx context.Context, l Letter) error {
	attributes := maps.Clone(l.message.MessageAttributes)
	maps.DeleteFunc(attributes, func(name string, _ types.MessageAttributeValue) bool { return strings.HasPrefix(name, "dead-letter-") })
	if _, err := d.queue.Client.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: &d.queue.URL, MessageBody: &l.Body, MessageAttributes: attributes}); err != nil {
		return fmt.Errorf("send %s back to %s: %w", l.ID, d.queue.Name, err)
	}
	return nil
}

func (d *DeadQueue) remove(ctx context.Context, l Letter) error {
	if _, err := d.queue.Client.DeleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: &d.queue.DeadLetterURL, ReceiptHandle: l.message.ReceiptHandle}); err != nil {
		return fmt.Errorf("%s was sent back to %s, and is still a dead letter: %w", l.ID, d.queue.Name, err)
	}
	return nil
}
