// Package sqsconsumer consumes an SQS queue at least once, and tells an outage
// from poison.
//
// Each worker receives up to ten messages by long polling, handles them side by
// side, extends their visibility while they run, and deletes those that
// succeeded in one call. What a handler returns decides:
//
//   - nil: deleted.
//   - [Permanent]: sent to the dead-letter queue with its reason, then deleted.
//   - [Unavailable]: a dependency is away. The message is given back for later
//     and no worker receives until Probe succeeds, so an outage costs a message
//     one or two receives however long it lasts.
//   - [Later]: given back for that long, and it does not count.
//   - anything else: given back with a growing delay; at MaxReceives it goes to
//     the dead-letter queue with the last reason.
//
// The queue's own maxReceiveCount is the last resort, for messages that end the
// process before it can say why: set it well above MaxReceives.
//
// A message may be handled twice: after a crash, a lost deletion, or a pause
// longer than the visibility timeout. The handler's effect must say so itself,
// with a row that commits in its transaction.
package sqsconsumer

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// A Message is one message of the queue.
type Message struct {
	ID         string
	Body       string
	Attributes map[string]string // those of type String and Number
	Receives   int               // how often it was received, this time included
	receipt    *string
}

// A Consumer consumes one queue. Client, QueueURL, DeadLetterURL and Handle must
// be set before Run, and nothing may change after.
type Consumer struct {
	Client        *sqs.Client
	QueueURL      string
	DeadLetterURL string
	// Handle handles one message. Its context ends when the message is no longer
	// this consumer's, or Grace after the consumer was told to stop.
	Handle func(ctx context.Context, m Message) error
	// Probe is asked while the dependency is away; nil means that it is back.
	// Without it one message is tried after each pause.
	Probe func(ctx context.Context) error

	Workers     int           // receive ten messages each; default 4
	Visibility  time.Duration // of a received message, extended at half of it; whole seconds, default 30 s
	Wait        time.Duration // of a long poll; whole seconds up to 20 s, which is the default
	MaxReceives int           // of a message that keeps failing; default 5
	Grace       time.Duration // for handlers under way when the consumer stops; default 10 s
	// Observe is told how each message ended, and of calls to SQS that failed,
	// with an empty message; may be nil. It is called by many goroutines.
	Observe func(m Message, o Outcome, err error)
}

// An Outcome is how a message ended this time.
type Outcome string

// The outcomes.
const (
	Done     Outcome = "done"
	Retried  Outcome = "retried"  // given back for later
	Released Outcome = "released" // given back at once: the consumer stops
	Dead     Outcome = "dead"     // sent to the dead-letter queue
	Lost     Outcome = "lost"     // not handled, and no longer ours: SQS refused to extend it
	Failed   Outcome = "failed"   // a call to SQS failed: the message comes back by itself
)

func (c *Consumer) withDefaults() *Consumer {
	d := *c
	if d.Workers <= 0 {
		d.Workers = 4
	}
	if d.Visibility <= 0 {
		d.Visibility = 30 * time.Second
	}
	if d.Wait <= 0 {
		d.Wait = 20 * time.Second
	}
	if d.MaxReceives <= 0 {
		d.MaxReceives = 5
	}
	if d.Grace <= 0 {
		d.Grace = 10 * time.Second
	}
	if d.Observe == nil {
		d.Observe = func(Message, Outcome, error) {}
	}
	return &d
}

// Run consumes until ctx ends, then gives back what is not handled within Grace
// and returns: after Grace or Wait, whichever is longer, for a long poll under way
// is not cut off. It returns an error only if the consumer lacks something.
func (c *Consumer) Run(ctx context.Context) error {
	if c.Client == nil || c.QueueURL == "" || c.DeadLetterURL == "" || c.Handle == nil {
		return errors.New("sqsconsumer: a consumer needs a client, a queue, a dead-letter queue and a handler")
	}
	r := &running{Consumer: c.withDefaults(), breaker: newBreaker(c.Probe)}
	working, abort := context.WithCancel(context.WithoutCancel(ctx))
	defer abort()
	grace := context.AfterFunc(ctx, func() {
		if wait(working, r.Grace) {
			abort()
		}
	})
	defer grace()
	var workers sync.WaitGroup
	for range r.Workers {
		workers.Go(func() { r.work(ctx, working) })
	}
	workers.Wait()
	return nil
}

// running is a consumer at work.
type running struct {
	*Consumer
	breaker *breaker
}

// work receives until ctx ends; handlers and calls that finish a batch go on
// until working does.
func (r *running) work(ctx, working context.Context) {
	failures := 0
	for r.breaker.pass(ctx) {
		// A long poll that was cut off may be given messages all the same, those that
		// this very consumer gives back among them, and nobody sees them until their
		// visibility is over. So neither the end of ctx nor that of Grace cuts it off.
		batch, err := r.receive(context.WithoutCancel(working))
		if err != nil {
			failures++
			r.Observe(Message{}, Failed, err)
			wait(ctx, delay(failures))
			continue
		}
		failures = 0
		if len(batch) > 0 {
			r.handle(working, batch)
		}
	}
}

const callTimeout = 10 * time.Second

func (r *running) receive(ctx context.Context) ([]Message, error) {
	ctx, cancel := context.WithTimeout(ctx, r.Wait+callTimeout)
	defer cancel()
	out, err := r.Client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
		QueueUrl:                    &r.QueueURL,
		MaxNumberOfMessages:         10,
		WaitTimeSeconds:             int32(r.Wait / time.Second),
		VisibilityTimeout:           int32(r.Visibility / time.Second),
		MessageAttributeNames:       []string{"All"},
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameApproximateReceiveCount},
	})
	if err != nil {
		return nil, fmt.Errorf("receive: %w", err)
	}
	batch := make([]Message, 0, len(out.Messages))
	for _, m := range out.Messages {
		batch = append(batch, read(m))
	}
	return batch, nil
}

func read(m types.Message) Message {
	receives, err := strconv.Atoi(m.Attributes[string(types.MessageSystemAttributeNameApproximateReceiveCount)])
	if err != nil {
		receives = 1
	}
	attributes := make(map[string]string, len(m.MessageAttributes))
	for name, value := range m.MessageAttributes {
		if value.StringValue != nil {
			attributes[name] = *value.StringValue
		}
	}
	return Message{ID: aws.ToString(m.MessageId), Body: aws.ToString(m.Body), Attributes: attributes, Receives: receives, receipt: m.ReceiptHandle}
}

// delay is how long to wait after the nth failure: 0.5 s, 1 s, 2 s … 1 min.
func delay(n int) time.Duration {
	return min(time.Second/2<<min(n-1, 10), time.Minute)
}

// wait reports whether the time passed before ctx ended.
func wait(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
