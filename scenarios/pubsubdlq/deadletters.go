package pubsubdlq

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"strconv"
	"strings"
	"sync"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/provingground/provingground/pkg/deadletters"
	"github.com/provingground/provingground/pkg/pubsubconsumer"
	"github.com/provingground/provingground/pkg/pubsubproducer"
)

// forwarded begins the attributes of what Pub/Sub itself gave up.
const forwarded = "CloudPubSubDeadLetterSource"

// DeadLetters is what the deadletters role needs besides the rest.
type DeadLetters struct {
	Client       *pubsub.Client
	Subscription string // of the dead-letter topic
	Topic        string // to which letters are sent back
}

// undertaker keeps what died, and sends back what it is asked to.
type undertaker struct {
	db      *pgxpool.Pool
	topic   *pubsubproducer.Topic
	metrics *metrics
	log     *slog.Logger
}

const (
	collectAtOnce = 100
	stepEvery     = 200 * time.Millisecond
	countEvery    = 5 * time.Second
)

// collect enters dead letters until ctx ends.
func (u *undertaker) collect(ctx context.Context, subscriber *pubsub.Subscriber) error {
	subscriber.ReceiveSettings.MaxOutstandingMessages = collectAtOnce
	subscriber.ReceiveSettings.MaxDurationPerAckExtension = 10 * time.Second
	return subscriber.Receive(ctx, func(_ context.Context, m *pubsub.Message) {
		entering, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		l := letterOf(m)
		added, err := letters().Add(entering, u.db, l)
		if err != nil {
			u.log.Warn("dead letter not entered", "letter", l.ID, "error", err)
			m.Nack() // its subscription backs off
			return
		}
		u.metrics.letters.WithLabelValues(string(added)).Inc()
		m.Ack()
	})
}

// letterOf reads a message of the dead-letter topic, whoever published it there.
func letterOf(m *pubsub.Message) deadletters.Letter {
	a := m.Attributes
	l := deadletters.Letter{
		ID: a[attributeLetter], Event: a[attributeID], Key: a[pubsubconsumer.AttributeKey], Source: a[pubsubconsumer.AttributeSubscription],
		Reason: a[pubsubconsumer.AttributeReason], Error: a[pubsubconsumer.AttributeError], Redrive: a[attributeRedrive],
		Published: m.PublishTime, Body: m.Data, Attributes: a,
	}
	if l.Event == "" {
		l.Event = a[pubsubconsumer.AttributeMessage]
	}
	if l.Event == "" {
		l.Event = m.ID
	}
	if l.ID == "" {
		l.ID = deadletters.ID(l.Event, l.Body)
	}
	if l.Key == "" {
		l.Key = m.OrderingKey
	}
	if l.Reason == "" { // Pub/Sub gave it up, and says how often it tried
		l.Reason, l.Source = "given-up-by-pubsub", a[forwarded+"Subscription"]
		l.Failures, _ = strconv.Atoi(a[forwarded+"DeliveryCount"]) // 0: it did not say
		return l
	}
	l.Failures, _ = strconv.Atoi(a[pubsubconsumer.AttributeFailures])
	if at, err := time.Parse(time.RFC3339Nano, a[pubsubconsumer.AttributePublished]); err == nil {
		l.Published = at
	}
	return l
}

// send publishes letters as they were before they died, in their order.
func (u *undertaker) send(ctx context.Context, all []deadletters.Letter) error {
	failed := make([]error, len(all))
	var sending sync.WaitGroup
	for i, l := range all {
		result := u.topic.Publisher.Publish(ctx, messageOf(l))
		sending.Go(func() {
			if _, err := result.Get(ctx); err != nil {
				u.topic.ResumePublish(l.Key)
				failed[i] = fmt.Errorf("send %s: %w", l.ID, err)
			}
		})
	}
	sending.Wait()
	return errors.Join(failed...)
}

func messageOf(l deadletters.Letter) *pubsub.Message {
	attributes := maps.Clone(l.Attributes)
	maps.DeleteFunc(attributes, func(name, _ string) bool {
		return strings.HasPrefix(name, "dead-letter-") || strings.HasPrefix(name, forwarded)
	})
	attributes[attributeLetter], attributes[attributeRedrive] = l.ID, l.Redrive
	return &pubsub.Message{Data: l.Body, OrderingKey: l.Key, Attributes: attributes}
}

// redrive takes running redrives further until ctx ends.
func (u *undertaker) redrive(ctx context.Context) {
	u.every(ctx, stepEvery, func(ctx context.Context) error {
		sent, err := letters().Step(ctx, u.db, u.send)
		u.metrics.letters.WithLabelValues("sent").Add(float64(sent))
		return err
	})
}

// watch says how many letters wait, and cleans up.
func (u *undertaker) watch(ctx context.Context) {
	u.every(ctx, countEvery, func(ctx context.Context) error {
		n, oldest, err := letters().Backlog(ctx, u.db)
		if err == nil {
			u.metrics.open.Set(float64(n))
			u.metrics.oldest.Set(oldest.Seconds())
		}
		return errors.Join(err, purge(ctx, u.db))
	})
}

func (u *undertaker) every(ctx context.Context, pause time.Duration, do func(context.Context) error) {
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		bounded, cancel := context.WithTimeout(ctx, 5*time.Second)
		if err := do(bounded); err != nil && ctx.Err() == nil {
			u.log.Warn("dead letters", "error", err)
		}
		cancel()
	}
}
