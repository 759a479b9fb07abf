package pubsubconsumer_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/provingground/provingground/pkg/pubsubconsumer"
	"github.com/provingground/provingground/pkg/pubsubtest"
)

var errAway = errors.New("connection refused")

// world is a subscription with a dead-letter topic, and a store of failures.
type world struct {
	client *pubsub.Client

	mu       sync.Mutex
	failures map[string]int
	ended    map[string][]pubsubconsumer.Outcome // by body
	dead     []*pubsub.Message
}

func newWorld(t *testing.T) *world { return newWorldBackingOff(t, 10*time.Millisecond) }

func newWorldBackingOff(t *testing.T, least time.Duration) *world {
	t.Helper()
	srv := pubsubtest.NewServer(t, pubsubtest.Options{})
	client, err := pubsub.NewClient(t.Context(), "p", srv.ClientOptions()...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	for _, topic := range []string{"events", "dead"} {
		if _, err := client.TopicAdminClient.CreateTopic(t.Context(), &pubsubpb.Topic{Name: "projects/p/topics/" + topic}); err != nil {
			t.Fatal(err)
		}
	}
	for _, s := range []*pubsubpb.Subscription{
		{
			Name: "projects/p/subscriptions/events", Topic: "projects/p/topics/events",
			RetryPolicy:      &pubsubpb.RetryPolicy{MinimumBackoff: durationpb.New(least), MaximumBackoff: durationpb.New(2 * least)},
			DeadLetterPolicy: &pubsubpb.DeadLetterPolicy{DeadLetterTopic: "projects/p/topics/dead", MaxDeliveryAttempts: 100},
		},
		{Name: "projects/p/subscriptions/dead", Topic: "projects/p/topics/dead"},
	} {
		if _, err := client.SubscriptionAdminClient.CreateSubscription(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	return &world{client: client, failures: map[string]int{}, ended: map[string][]pubsubconsumer.Outcome{}}
}

// consumer returns one whose failures are in the world's store.
func (w *world) consumer(handle func(context.Context, pubsubconsumer.Message) error) *pubsubconsumer.Consumer {
	count := func(id string, by int) int {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.failures[id] += by
		return w.failures[id]
	}
	dead := w.client.Publisher("dead")
	dead.PublishSettings.DelayThreshold = time.Millisecond
	return &pubsubconsumer.Consumer{
		Subscriber: w.client.Subscriber("events"), DeadLetters: dead, Handle: handle, MaxFailures: 3,
		Probe: func(context.Context) error { return nil },
		Failures: pubsubconsumer.Failures{
			Count: func(_ context.Context, id string) (int, error) { return count(id, 0), nil },
			Add:   func(_ context.Context, id, _ string) (int, error) { return count(id, 1), nil },
			Undo:  func(_ context.Context, id string) error { count(id, -1); return nil },
		},
		Observe: func(m pubsubconsumer.Message, o pubsubconsumer.Outcome, _ error) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.ended[string(m.Data)] = append(w.ended[string(m.Data)], o)
		},
	}
}

// run runs a consumer, and what collects dead letters, until the test ends.
func (w *world) run(t *testing.T, c *pubsubconsumer.Consumer) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	var running sync.WaitGroup
	running.Go(func() {
		if err := c.Run(ctx); err != nil {
			t.Error(err)
		}
		c.DeadLetters.Stop()
	})
	running.Go(func() {
		err := w.client.Subscriber("dead").Receive(ctx, func(_ context.Context, m *pubsub.Message) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.dead = append(w.dead, m)
			m.Ack()
		})
		if err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() { cancel(); running.Wait() })
}

func (w *world) send(t *testing.T, bodies ...string) {
	t.Helper()
	topic := w.client.Publisher("events")
	defer topic.Stop()
	for _, body := range bodies {
		m := &pubsub.Message{Data: []byte(body), Attributes: map[string]string{"color": "red"}}
		if _, err := topic.Publish(t.Context(), m).Get(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// endings returns how a message ended, delivery by delivery.
func (w *world) endings(body string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.Trim(fmt.Sprint(w.ended[body]), "[]")
}

// buried waits for one dead letter and returns it.
func (w *world) buried(t *testing.T) *pubsub.Message {
	t.Helper()
	eventually(t, "a message is on the dead-letter topic", func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		return len(w.dead) > 0
	})
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.dead[0]
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ok(); {
		if time.Now().After(deadline) {
			t.Fatalf("still not so: %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func wantLetter(t *testing.T, m *pubsub.Message, body, reason, failures string) {
	t.Helper()
	a := m.Attributes
	if string(m.Data) != body || a[pubsubconsumer.AttributeReason] != reason || a[pubsubconsumer.AttributeFailures] != failures || a["color"] != "red" ||
		a[pubsubconsumer.AttributeMessage] == "" || a[pubsubconsumer.AttributeSubscription] != "events" || a[pubsubconsumer.AttributePublished] == "" {
		t.Errorf("dead letter %q with %v; want %q, reason %s after %s failures", m.Data, a, body, reason, failures)
	}
}

func TestWhatIsHandledIsAcknowledged(t *testing.T) {
	w := newWorld(t)
	w.run(t, w.consumer(func(context.Context, pubsubconsumer.Message) error { return nil }))
	w.send(t, "a", "b")
	eventually(t, "both are done", func() bool { return w.endings("a") == "done" && w.endings("b") == "done" })
}

func TestAPermanentErrorBuriesAtOnceWithItsReason(t *testing.T) {
	w := newWorld(t)
	w.run(t, w.consumer(func(context.Context, pubsubconsumer.Message) error {
		return fmt.Errorf("handle: %w", pubsubconsumer.Permanent("unknown-version", errors.New("version 9 \xff")))
	}))
	w.send(t, "poison")
	m := w.buried(t)
	wantLetter(t, m, "poison", "unknown-version", "1")
	if got := m.Attributes[pubsubconsumer.AttributeError]; got != "handle: version 9 ?" {
		t.Errorf("error %q", got)
	}
	eventually(t, "it is over", func() bool { return w.endings("poison") == "dead" })
}

func TestWhatKeepsFailingIsBuriedAfterItsFailures(t *testing.T) {
	for reason, handle := range map[string]func(context.Context) error{
		pubsubconsumer.KeepsFailing: func(context.Context) error { return errors.New("no price") },
		pubsubconsumer.Panicked:     func(context.Context) error { panic("out of range") },
		pubsubconsumer.TooSlow:      func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() },
	} {
		t.Run(reason, func(t *testing.T) {
			w := newWorld(t)
			c := w.consumer(func(ctx context.Context, m pubsubconsumer.Message) error {
				if string(m.Data) == "poison" {
					return handle(ctx)
				}
				return nil
			})
			c.Quick, c.Deadline = 50*time.Millisecond, 50*time.Millisecond
			w.run(t, c)
			w.send(t, "poison", "healthy")
			wantLetter(t, w.buried(t), "poison", reason, "3")
			eventually(t, "both are over", func() bool { return w.endings("poison") == "retried retried dead" && w.endings("healthy") == "done" })
		})
	}
}

func TestAnOutageIsNoPoison(t *testing.T) {
	for name, fails := range map[string]func(ctx context.Context) error{
		"refused": func(context.Context) error { return pubsubconsumer.Unavailable(errAway) },
		"hangs":   func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			var away atomic.Bool
			var probes, most atomic.Int32
			away.Store(true)
			c := w.consumer(func(ctx context.Context, m pubsubconsumer.Message) error {
				most.Store(max(most.Load(), int32(m.Deliveries)))
				if away.Load() {
					return fails(ctx)
				}
				return nil
			})
			c.Quick = 50 * time.Millisecond
			c.Probe = func(context.Context) error {
				probes.Add(1)
				if away.Load() {
					return errAway
				}
				return nil
			}
			w.run(t, c)
			w.send(t, "a", "b", "c")
			eventually(t, "it has probed often", func() bool { return probes.Load() >= 6 })
			away.Store(false)
			eventually(t, "all are done", func() bool {
				return strings.HasSuffix(w.endings("a"), "done") && strings.HasSuffix(w.endings("b"), "done") && strings.HasSuffix(w.endings("c"), "done")
			})
			w.mu.Lock()
			defer w.mu.Unlock()
			for id, n := range w.failures {
				if n != 0 {
					t.Errorf("message %s has %d failures because of an outage", id, n)
				}
			}
			if most.Load() > 4 {
				t.Errorf("a message was delivered %d times because of one outage", most.Load())
			}
		})
	}
}

func TestSlowPoisonLeavesPlacesForOthers(t *testing.T) {
	w := newWorldBackingOff(t, time.Second) // what comes back goes first, so it must not come at once
	c := w.consumer(func(ctx context.Context, m pubsubconsumer.Message) error {
		if strings.HasPrefix(string(m.Data), "slow") {
			<-ctx.Done()
			return ctx.Err()
		}
		return nil
	})
	c.Outstanding, c.Slow, c.Quick, c.Deadline, c.MaxFailures = 4, 1, 20*time.Millisecond, 3*time.Second, 1000
	w.run(t, c)
	for i := range 12 {
		w.send(t, fmt.Sprint("slow ", i))
	}
	for i := range 20 {
		w.send(t, fmt.Sprint("healthy ", i))
	}
	// One slow message at a time has a place for 3 s; the rest come back and have none.
	for i := range 20 {
		eventually(t, "healthy messages are done", func() bool { return w.endings(fmt.Sprint("healthy ", i)) == "done" })
	}
}

func TestWaitingForItsTimeDoesNotCount(t *testing.T) {
	w := newWorld(t)
	var runs atomic.Int32
	w.run(t, w.consumer(func(context.Context, pubsubconsumer.Message) error {
		if runs.Add(1) < 8 {
			return pubsubconsumer.Later(errors.New("another is first"))
		}
		return nil
	}))
	w.send(t, "a")
	eventually(t, "it is done", func() bool { return strings.HasSuffix(w.endings("a"), "done") })
}

func TestAMessageThatEndsItsConsumerIsCountedBeforeItRuns(t *testing.T) {
	w := newWorld(t)
	var inRun []int
	c := w.consumer(nil)
	c.Suspect = 3
	c.Handle = func(_ context.Context, m pubsubconsumer.Message) error {
		w.mu.Lock()
		inRun = append(inRun, w.failures[m.ID])
		w.mu.Unlock()
		return pubsubconsumer.Later(errors.New("as if its process had ended"))
	}
	c.Failures.Undo = func(context.Context, string) error { return nil } // nobody is left to take it back
	w.run(t, c)
	w.send(t, "killer")
	wantLetter(t, w.buried(t), "killer", pubsubconsumer.EndsConsumer, "3")
	w.mu.Lock()
	defer w.mu.Unlock()
	if got := fmt.Sprint(inRun); got != "[0 0 1 2 3]" {
		t.Errorf("failures on record while it ran: %s, want [0 0 1 2 3]", got)
	}
}

func TestADeadLetterThatCannotBePublishedIsNotLost(t *testing.T) {
	w := newWorld(t)
	c := w.consumer(func(context.Context, pubsubconsumer.Message) error {
		return pubsubconsumer.Permanent("malformed", errors.New("no JSON"))
	})
	c.DeadLetters = w.client.Publisher("nowhere")
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- c.Run(ctx) }()
	w.send(t, "poison")
	eventually(t, "it was tried twice", func() bool { return strings.HasPrefix(w.endings("poison"), "failed failed") })
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	w.run(t, w.consumer(c.Handle))
	wantLetter(t, w.buried(t), "poison", "malformed", "1")
}

func TestAMessageWithManyAttributesIsBuried(t *testing.T) {
	w := newWorld(t)
	w.run(t, w.consumer(func(context.Context, pubsubconsumer.Message) error {
		return pubsubconsumer.Permanent("malformed", errors.New(strings.Repeat("é", 2000)))
	}))
	attributes := map[string]string{"color": "red"}
	for i := range 99 {
		attributes[fmt.Sprintf("z%02d", i)] = "x"
	}
	topic := w.client.Publisher("events")
	defer topic.Stop()
	if _, err := topic.Publish(t.Context(), &pubsub.Message{Data: []byte("full"), Attributes: maps.Clone(attributes)}).Get(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantLetter(t, w.buried(t), "full", "malformed", "1")
}

func TestAConsumerSaysWhatItLacks(t *testing.T) {
	if err := (&pubsubconsumer.Consumer{}).Run(t.Context()); err == nil {
		t.Error("a consumer without anything runs")
	}
}
