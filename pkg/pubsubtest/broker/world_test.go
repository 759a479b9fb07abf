package broker

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/protobuf/types/known/durationpb"
)

const (
	topicT = "projects/p/topics/orders"
	topicD = "projects/p/topics/dead"
	subS   = "projects/p/subscriptions/mail"
	subD   = "projects/p/subscriptions/dead"
)

// world is a broker, a clock that stands still, and what was delivered.
type world struct {
	t     *testing.T
	b     *Broker
	now   time.Time
	ids   map[string]string // the newest acknowledgement id of a message, by its data
	tries map[string]int    // its delivery attempt
}

func newWorld(t *testing.T, options Options) *world {
	t.Helper()
	w := &world{
		t: t, b: New(options), now: time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC),
		ids: map[string]string{}, tries: map[string]int{},
	}
	w.topic(topicT, nil)
	return w
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) topic(name string, change func(*pubsubpb.Topic)) {
	w.t.Helper()
	config := &pubsubpb.Topic{Name: name}
	if change != nil {
		change(config)
	}
	_, err := w.b.CreateTopic(w.now, config)
	w.must(err)
}

func (w *world) sub(name, topic string, change func(*pubsubpb.Subscription)) *Subscription {
	w.t.Helper()
	config := &pubsubpb.Subscription{Name: name, Topic: topic}
	if change != nil {
		change(config)
	}
	s, err := w.b.CreateSubscription(w.now, config)
	w.must(err)
	return s
}

// publish takes "data" or "key:data".
func (w *world) publish(topic string, messages ...string) {
	w.t.Helper()
	var all []*pubsubpb.PubsubMessage
	for _, text := range messages {
		key, data, ok := strings.Cut(text, ":")
		if !ok {
			key, data = "", text
		}
		all = append(all, &pubsubpb.PubsubMessage{Data: []byte(data), OrderingKey: key})
	}
	_, err := w.b.Publish(w.now, topic, all)
	w.must(err)
}

func (w *world) publishWith(attributes map[string]string, data string) {
	w.t.Helper()
	_, err := w.b.Publish(w.now, topicT, []*pubsubpb.PubsubMessage{{Data: []byte(data), Attributes: attributes}})
	w.must(err)
}

func (w *world) after(d time.Duration) { w.now = w.now.Add(d) }

// pull returns the data of up to max messages, joined by spaces.
func (w *world) pull(s *Subscription, c *Consumer, max int) string {
	w.t.Helper()
	var got []string
	for _, d := range w.b.Pull(w.now, s, c, Limit{Messages: max, Bytes: 1 << 30}) {
		data := string(d.Message.Data)
		got = append(got, data)
		w.ids[data], w.tries[data] = d.AckID, d.Attempt
	}
	return strings.Join(got, " ")
}

// gets pulls everything there is and compares.
func (w *world) gets(s *Subscription, want string) {
	w.t.Helper()
	if got := w.pull(s, &Consumer{}, 1000); got != want {
		w.t.Errorf("at %s: got %q, want %q", w.now.Format("15:04:05"), got, want)
	}
}

func (w *world) idsOf(messages []string) []string {
	var ids []string
	for _, m := range messages {
		ids = append(ids, w.ids[m])
	}
	return ids
}

func (w *world) ack(s *Subscription, messages ...string) (refused []string) {
	w.t.Helper()
	refused, err := w.b.Acknowledge(w.now, s, w.idsOf(messages))
	w.must(err)
	return refused
}

func (w *world) extend(s *Subscription, d time.Duration, messages ...string) (refused []string) {
	w.t.Helper()
	refused, err := w.b.ModifyAckDeadline(w.now, s, w.idsOf(messages), d)
	w.must(err)
	return refused
}

func (w *world) nack(s *Subscription, messages ...string) (refused []string) {
	w.t.Helper()
	return w.extend(s, 0, messages...)
}

func (w *world) backlog(s *Subscription, want int) {
	w.t.Helper()
	if got := w.b.Inspect(w.now, s).Backlog; got != want {
		w.t.Errorf("at %s: backlog %d, want %d", w.now.Format("15:04:05"), got, want)
	}
}

func (w *world) retained(topic string, want int) {
	w.t.Helper()
	w.b.Advance(w.now)
	if got, err := w.b.Retained(topic); err != nil || got != want {
		w.t.Errorf("at %s: %d retained, %v, want %d", w.now.Format("15:04:05"), got, err, want)
	}
}

func ordered(s *pubsubpb.Subscription)     { s.EnableMessageOrdering = true }
func exactlyOnce(s *pubsubpb.Subscription) { s.EnableExactlyOnceDelivery = true }

func deadLetters(s *pubsubpb.Subscription) {
	s.DeadLetterPolicy = &pubsubpb.DeadLetterPolicy{DeadLetterTopic: topicD, MaxDeliveryAttempts: 5}
}

func retries(least, most time.Duration) func(*pubsubpb.Subscription) {
	return func(s *pubsubpb.Subscription) {
		s.RetryPolicy = &pubsubpb.RetryPolicy{MinimumBackoff: durationpb.New(least), MaximumBackoff: durationpb.New(most)}
	}
}

func all(changes ...func(*pubsubpb.Subscription)) func(*pubsubpb.Subscription) {
	return func(s *pubsubpb.Subscription) {
		for _, change := range changes {
			change(s)
		}
	}
}

func same(t *testing.T, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: got %q, want %q", what, got, want)
	}
}

func numbered(n int) []string {
	var all []string
	for i := range n {
		all = append(all, fmt.Sprintf("m%d", i))
	}
	return all
}
