// Package queue sends messages to Cloudflare Queues and consumes them.
//
// Delivery is at least once and in no order: a message may come again although it
// was acknowledged, so its effect must bear that. After max_retries of wrangler.jsonc
// it goes to the dead-letter queue, or is lost where none is named.
package queue

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/provingground/provingground/pkg/edge/internal/host"
	"github.com/provingground/provingground/pkg/edge/internal/web"
)

// Limits of one Send.
const (
	MaxMessages = 100
	MaxBytes    = 256_000        // of all bodies together
	MaxBody     = 128_000        // of one
	MaxDelay    = 12 * time.Hour // until a message is delivered, or again
)

// ErrTooLarge says that a batch is beyond the limits; nothing was sent.
var ErrTooLarge = errors.New("queue: too much for one batch")

// Queue is the binding of a queue that is sent to, by the name that wrangler.jsonc
// gives it.
type Queue struct{ Binding string }

// Outgoing is a message to send. Delay is rounded up to seconds.
type Outgoing struct {
	Body  []byte
	Delay time.Duration
}

// Send hands over messages, all or none. An error may mean that they were taken all
// the same, when the answer was lost.
func (q Queue) Send(ctx context.Context, all ...Outgoing) error {
	if len(all) == 0 {
		return nil
	}
	size := 0
	list := make([]any, len(all))
	for i, m := range all {
		size += len(m.Body)
		if len(m.Body) > MaxBody || m.Delay > MaxDelay {
			return fmt.Errorf("%w: message %d has %d bytes and a delay of %v", ErrTooLarge, i, len(m.Body), m.Delay)
		}
		body := m.Body
		if body == nil {
			body = []byte{}
		}
		list[i] = []any{body, seconds(m.Delay)}
	}
	if len(all) > MaxMessages || size > MaxBytes {
		return fmt.Errorf("%w: %d messages of %d bytes", ErrTooLarge, len(all), size)
	}
	_, err := host.Call(ctx, "queue.send", q.Binding, list)
	return err
}

func seconds(d time.Duration) int64 {
	return int64(max(0, d+time.Second-1) / time.Second)
}

// A Consumer takes a batch of the queue of that name. Each message is acknowledged
// unless it says otherwise by Retry. An error, or a panic, delivers the whole batch
// again, whatever its messages said.
type Consumer func(ctx context.Context, queue string, batch []*Message) error

// Message is one that was delivered. JSON that somebody else sent as such is its text.
type Message struct {
	ID       string
	Body     []byte
	Sent     time.Time
	Attempts int // deliveries, with this one

	retry bool
	delay time.Duration
}

// Ack acknowledges the message: the default, and it takes back a Retry.
func (m *Message) Ack() { m.retry = false }

// Retry asks for the message again after a delay, rounded up to seconds; 0 is the
// queue's own.
func (m *Message) Retry(delay time.Duration) { m.retry, m.delay = true, min(delay, MaxDelay) }

// Retried says whether the message is asked for again, and after what delay.
func (m *Message) Retried() (delay time.Duration, again bool) { return m.delay, m.retry }

// Consume gives a batch of the host to f and returns what becomes of each message.
// It is for package edge.
func Consume(ctx context.Context, args []any, f Consumer) (any, error) {
	if len(args) != 2 {
		return nil, errors.New("queue: the host sent a batch that cannot be read")
	}
	name, _ := args[0].(string)
	list, _ := args[1].([]any)
	batch := make([]*Message, len(list))
	for i, v := range list {
		batch[i] = message(v)
	}
	if err := f(ctx, name, batch); err != nil {
		return nil, err
	}
	decisions := make([]any, 0, 2*len(batch))
	for _, m := range batch {
		decisions = append(decisions, m.retry, seconds(m.delay))
	}
	return decisions, nil
}

// message reads [id, sent, attempts, body].
func message(v any) *Message {
	parts, _ := v.([]any)
	if len(parts) != 4 {
		return &Message{}
	}
	m := &Message{Sent: time.UnixMilli(int64(web.Int(parts[1]))), Attempts: web.Int(parts[2])}
	m.ID, _ = parts[0].(string)
	switch body := parts[3].(type) {
	case []byte:
		m.Body = body
	case string:
		m.Body = []byte(body)
	}
	return m
}
