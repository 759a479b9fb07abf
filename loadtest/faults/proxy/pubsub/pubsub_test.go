package pubsub_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/provingground/provingground/loadtest/faults/proxy"
	faulty "github.com/provingground/provingground/loadtest/faults/proxy/pubsub"
	"github.com/provingground/provingground/pkg/pubsubtest"
)

const (
	topic        = "projects/p/topics/orders"
	subscription = "projects/p/subscriptions/mail"
)

// wire is a server, a proxy before it, and a client that goes through.
type wire struct {
	server *pubsubtest.Server
	proxy  *faulty.Proxy
	client *pubsub.Client
}

func newWire(t *testing.T, options pubsubtest.Options) wire {
	t.Helper()
	w := wire{server: pubsubtest.NewServer(t, options)}
	var err error
	if w.proxy, err = faulty.Start(t.Context(), proxy.Options{Server: w.server.Addr()}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.proxy.Close(); err != nil {
			t.Error(err)
		}
	})
	w.client, err = pubsub.NewClient(context.WithoutCancel(t.Context()), "p", option.WithEndpoint(w.proxy.Addr()), option.WithoutAuthentication(),
		option.WithTelemetryDisabled(), option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.client.Close() })
	if _, err := w.client.TopicAdminClient.CreateTopic(t.Context(), &pubsubpb.Topic{Name: topic}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.client.SubscriptionAdminClient.CreateSubscription(t.Context(), &pubsubpb.Subscription{Name: subscription, Topic: topic}); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w wire) publish(ctx context.Context, text string) error {
	_, err := w.client.TopicAdminClient.Publish(ctx, &pubsubpb.PublishRequest{Topic: topic, Messages: []*pubsubpb.PubsubMessage{{Data: []byte(text)}}})
	return err
}

// receive acknowledges n messages and returns how often each came.
func (w wire) receive(t *testing.T, n int) map[string]int {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	came := make(chan string, 100)
	done := make(chan error, 1)
	go func() {
		done <- w.client.Subscriber(subscription).Receive(ctx, func(_ context.Context, m *pubsub.Message) {
			came <- string(m.Data)
			m.Ack()
		})
	}()
	got := map[string]int{}
	for range n {
		got[<-came]++
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	return got
}

func (w wire) inject(t *testing.T, operation string, nth int, effect proxy.Effect) *proxy.Injected {
	t.Helper()
	in, err := w.proxy.Inject(proxy.Fault{On: proxy.Match{Operation: operation, Nth: nth}, Effect: effect})
	if err != nil {
		t.Fatal(err)
	}
	return in
}

func (w wire) held(t *testing.T) int {
	t.Helper()
	n, err := w.server.Retained(topic)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestCallsPassAndAreCountedByMethodAndResource(t *testing.T) {
	w := newWire(t, pubsubtest.Options{})
	for _, text := range []string{"one", "two"} {
		if err := w.publish(t.Context(), text); err != nil {
			t.Fatal(err)
		}
	}
	if got := w.receive(t, 2); got["one"] != 1 || got["two"] != 1 {
		t.Errorf("received %v", got)
	}
	counts := w.proxy.Counts()
	if c := counts["Publish orders"]; c.Seen != 2 || c.Forwarded != 2 || c.Answered != 2 {
		t.Errorf("Publish orders: %+v", c)
	}
	for _, name := range []string{"StreamingPull mail", "Acknowledge mail", "CreateTopic orders", "CreateSubscription mail"} {
		if counts[name].Answered == 0 {
			t.Errorf("no %s in %v", name, counts)
		}
	}
}

func TestAnErrorOfTheServerPassesAsItIs(t *testing.T) {
	w := newWire(t, pubsubtest.Options{})
	_, err := w.client.TopicAdminClient.GetTopic(t.Context(), &pubsubpb.GetTopicRequest{Topic: topic + "-not"})
	_, direct := directly(t, w).GetTopic(t.Context(), &pubsubpb.GetTopicRequest{Topic: topic + "-not"})
	if status.Code(err) != codes.NotFound || status.Convert(err).Message() != status.Convert(direct).Message() {
		t.Errorf("through the proxy %v, without %v", err, direct)
	}
}

func directly(t *testing.T, w wire) pubsubpb.PublisherClient {
	t.Helper()
	conn, err := grpc.NewClient(w.server.Addr(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return pubsubpb.NewPublisherClient(conn)
}

func TestOfAPublishWithALostAnswerTheMessageIsThereAndTheClientRepeats(t *testing.T) {
	w := newWire(t, pubsubtest.Options{})
	lost := w.inject(t, "Publish", 1, proxy.LoseAnswer())
	if err := w.publish(t.Context(), "twice"); err != nil {
		t.Fatal(err)
	}
	if lost.Hits() != 1 || w.held(t) != 2 {
		t.Errorf("%d answers lost and %d messages, want 1 and 2", lost.Hits(), w.held(t))
	}
}

func TestAPublishThatIsResetIsNotThere(t *testing.T) {
	w := newWire(t, pubsubtest.Options{})
	w.inject(t, "Publish", 1, proxy.Reset())
	if err := w.publish(t.Context(), "once"); err != nil {
		t.Fatal(err)
	}
	if n := w.held(t); n != 1 {
		t.Errorf("%d messages, want 1", n)
	}
}

func TestAFailureAnswersInTheServersPlace(t *testing.T) {
	w := newWire(t, pubsubtest.Options{})
	w.inject(t, "Publish orders", 0, faulty.Fail(codes.PermissionDenied))
	if err := w.publish(t.Context(), "never"); status.Code(err) != codes.PermissionDenied || w.held(t) != 0 {
		t.Errorf("%v, and %d messages", err, w.held(t))
	}
}

func TestADuplicateIsExecutedTwice(t *testing.T) {
	w := newWire(t, pubsubtest.Options{})
	w.inject(t, "Publish", 1, proxy.Duplicate())
	if err := w.publish(t.Context(), "twice"); err != nil || w.held(t) != 2 {
		t.Errorf("%v, and %d messages, want 2", err, w.held(t))
	}
}

// TestALostDeliveryStaysLeasedToNobody moves the server's clock past the lease.
func TestALostDeliveryStaysLeasedToNobody(t *testing.T) {
	clock := pubsubtest.NewManualClock(time.Now())
	w := newWire(t, pubsubtest.Options{Clock: clock})
	lost := w.inject(t, "StreamingPull", 1, proxy.LoseAnswer())
	if err := w.publish(t.Context(), "late"); err != nil {
		t.Fatal(err)
	}
	var received atomic.Bool
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error, 1)
	go func() {
		done <- w.client.Subscriber(subscription).Receive(ctx, func(_ context.Context, m *pubsub.Message) {
			received.Store(true)
			m.Ack()
			cancel()
		})
	}()
	for lost.Hits() == 0 {
		time.Sleep(time.Millisecond) // until the answer is lost
	}
	if received.Load() {
		t.Error("the lost delivery was received")
	}
	// The server may not know yet that the stream is gone, and lease it there again.
	for {
		clock.Advance(2 * time.Minute) // the client asks for a minute
		select {
		case err := <-done:
			if err != nil || !received.Load() {
				t.Errorf("after the lease: %v, received %t", err, received.Load())
			}
			return
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func TestAKillComesBeforeOrAfterTheServerHasExecutedTheCall(t *testing.T) {
	for when, messages := range map[proxy.When]int{proxy.Before: 0, proxy.After: 1} {
		w := newWire(t, pubsubtest.Options{})
		ctx, killed := context.WithCancel(t.Context())
		row, err := w.proxy.KillAt("Publish orders", 1, when, func() error { killed(); return nil })
		if err != nil {
			t.Fatal(err)
		}
		if err := w.publish(ctx, "who knows"); err == nil {
			t.Errorf("%s: a dead client was answered", when)
		}
		<-row.Done()
		if n := w.held(t); n != messages {
			t.Errorf("killed %s: %d messages, want %d", when, n, messages)
		}
	}
}

func TestALinkThatIsDownBreaksCallsAndStreamsUntilItIsUp(t *testing.T) {
	w := newWire(t, pubsubtest.Options{})
	w.proxy.SetLink(proxy.Link{Down: true})
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := w.publish(ctx, "never"); err == nil {
		t.Error("published over a link that is down")
	}
	w.proxy.SetLink(proxy.Link{})
	if err := w.publish(t.Context(), "again"); err != nil {
		t.Fatal(err)
	}
	if got := w.receive(t, 1); got["again"] != 1 {
		t.Errorf("received %v", got)
	}
}

func TestAProtocolIsRefused(t *testing.T) {
	if _, err := faulty.Start(t.Context(), proxy.Options{Server: "127.0.0.1:1", Protocol: func() proxy.Session { return nil }}); err == nil {
		t.Error("started")
	}
}
