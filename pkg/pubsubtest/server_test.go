package pubsubtest_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"

	"github.com/provingground/provingground/pkg/pubsubtest"
)

const project = "projects/p"

func topicName(id string) string { return project + "/topics/" + id }
func subName(id string) string   { return project + "/subscriptions/" + id }

// setup is a server and a real client of it.
func setup(t testing.TB, options pubsubtest.Options) (*pubsubtest.Server, *pubsub.Client) {
	t.Helper()
	srv := pubsubtest.NewServer(t, options)
	return srv, connect(t, srv)
}

func connect(t testing.TB, srv *pubsubtest.Server) *pubsub.Client {
	t.Helper()
	client, err := pubsub.NewClient(context.Background(), "p", srv.ClientOptions()...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	return client
}

func createTopic(t testing.TB, c *pubsub.Client, id string) {
	t.Helper()
	if _, err := c.TopicAdminClient.CreateTopic(context.Background(), &pubsubpb.Topic{Name: topicName(id)}); err != nil {
		t.Fatal(err)
	}
}

func createSub(t testing.TB, c *pubsub.Client, id, topic string, change func(*pubsubpb.Subscription)) {
	t.Helper()
	config := &pubsubpb.Subscription{Name: subName(id), Topic: topicName(topic)}
	if change != nil {
		change(config)
	}
	if _, err := c.SubscriptionAdminClient.CreateSubscription(context.Background(), config); err != nil {
		t.Fatal(err)
	}
}

func publish(t testing.TB, c *pubsub.Client, topic string, messages ...*pubsub.Message) []string {
	t.Helper()
	p := c.Publisher(topic)
	defer p.Stop()
	p.EnableMessageOrdering = true
	var results []*pubsub.PublishResult
	for _, m := range messages {
		results = append(results, p.Publish(context.Background(), m))
	}
	var ids []string
	for _, r := range results {
		id, err := r.Get(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	return ids
}

func text(n int) []*pubsub.Message {
	var all []*pubsub.Message
	for i := range n {
		all = append(all, &pubsub.Message{Data: fmt.Append(nil, i)})
	}
	return all
}

// receive acknowledges messages until n distinct came.
func receive(t testing.TB, c *pubsub.Client, sub string, n int) map[string]int {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	var mu sync.Mutex
	seen := map[string]int{}
	err := c.Subscriber(sub).Receive(ctx, func(_ context.Context, m *pubsub.Message) {
		mu.Lock()
		defer mu.Unlock()
		seen[m.ID]++
		m.Ack()
		if len(seen) == n {
			cancel()
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(seen) != n {
		t.Fatalf("received %d messages, want %d", len(seen), n)
	}
	return seen
}

func TestTheRealClientPublishesAndReceives(t *testing.T) {
	srv, c := setup(t, pubsubtest.Options{})
	createTopic(t, c, "orders")
	createSub(t, c, "mail", "orders", nil)
	ids := publish(t, c, "orders", text(1000)...)
	seen := receive(t, c, "mail", 1000)
	for _, id := range ids {
		if seen[id] != 1 {
			t.Errorf("message %s was delivered %d times", id, seen[id])
		}
	}
	stats, err := srv.Stats(subName("mail"))
	if err != nil || stats.Backlog != 0 {
		t.Errorf("after all acks: %+v, %v", stats, err)
	}
}
