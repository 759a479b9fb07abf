package pubsubtest_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/provingground/provingground/pkg/pubsubtest"
	"github.com/provingground/provingground/pkg/pubsubtest/broker"
)

func start() time.Time { return time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC) }

// pull is one Pull call that returns at once.
func pull(t testing.TB, c *pubsub.Client, sub string, n int32) []*pubsubpb.ReceivedMessage {
	t.Helper()
	//lint:ignore SA1019 it is what is tested
	request := &pubsubpb.PullRequest{Subscription: subName(sub), MaxMessages: n, ReturnImmediately: true}
	response, err := c.SubscriptionAdminClient.Pull(context.Background(), request)
	if err != nil {
		t.Fatal(err)
	}
	return response.ReceivedMessages
}

func nackAll(t testing.TB, c *pubsub.Client, sub string, messages []*pubsubpb.ReceivedMessage) {
	t.Helper()
	request := &pubsubpb.ModifyAckDeadlineRequest{Subscription: subName(sub)}
	for _, m := range messages {
		request.AckIds = append(request.AckIds, m.AckId)
	}
	if err := c.SubscriptionAdminClient.ModifyAckDeadline(context.Background(), request); err != nil {
		t.Fatal(err)
	}
}

func TestADeadLetterIsForwardedOnceOnTheInjectedClock(t *testing.T) {
	clock := pubsubtest.NewManualClock(start())
	srv, c := setup(t, pubsubtest.Options{Clock: clock})
	createTopic(t, c, "orders")
	createTopic(t, c, "dead")
	createSub(t, c, "poison", "dead", nil)
	createSub(t, c, "mail", "orders", func(s *pubsubpb.Subscription) {
		s.DeadLetterPolicy = &pubsubpb.DeadLetterPolicy{DeadLetterTopic: topicName("dead"), MaxDeliveryAttempts: 5}
		s.RetryPolicy = &pubsubpb.RetryPolicy{MinimumBackoff: durationpb.New(10 * time.Second), MaximumBackoff: durationpb.New(time.Minute)}
	})
	publish(t, c, "orders", text(1)...)
	for attempt, backoff := range []time.Duration{10, 20, 40, 60, 60} {
		messages := pull(t, c, "mail", 10)
		if len(messages) != 1 || int(messages[0].DeliveryAttempt) != attempt+1 {
			t.Fatalf("attempt %d: got %v", attempt+1, messages)
		}
		nackAll(t, c, "mail", messages)
		clock.Advance(backoff*time.Second - 1)
		if early := pull(t, c, "mail", 10); len(early) != 0 {
			t.Errorf("attempt %d came back before its back-off", attempt+1)
		}
		clock.Advance(1)
	}
	if again := pull(t, c, "mail", 10); len(again) != 0 {
		t.Errorf("after the last attempt: %v", again)
	}
	letters := pull(t, c, "poison", 10)
	if len(letters) != 1 || letters[0].Message.Attributes[broker.AttributeDeliveryCount] != "5" {
		t.Errorf("dead letters: %v", letters)
	}
	clock.Advance(time.Hour)
	if stats, err := srv.Stats(subName("poison")); err != nil || stats.Backlog != 1 || stats.OldestAge != time.Hour+time.Minute {
		t.Errorf("an hour later: %+v, %v", stats, err)
	}
}

func TestOrderThroughTheRealClient(t *testing.T) {
	_, c := setup(t, pubsubtest.Options{})
	createTopic(t, c, "orders")
	createSub(t, c, "mail", "orders", func(s *pubsubpb.Subscription) { s.EnableMessageOrdering = true })
	var messages []*pubsub.Message
	for _, letter := range strings.Split("abcdefghijklmnopqrst", "") {
		messages = append(messages,
			&pubsub.Message{Data: []byte(letter), OrderingKey: "K"}, &pubsub.Message{Data: []byte(strings.ToUpper(letter)), OrderingKey: "L"})
	}
	publish(t, c, "orders", messages...)
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	var mu sync.Mutex
	var order []string
	nacks := 0
	err := c.Subscriber("mail").Receive(ctx, func(_ context.Context, m *pubsub.Message) {
		mu.Lock()
		defer mu.Unlock()
		if string(m.Data) == "e" && nacks < 3 {
			nacks++
			m.Nack()
			return
		}
		m.Ack()
		if order = append(order, string(m.Data)); strings.Contains(strings.Join(order, ""), "t") && slices.Contains(order, "T") {
			cancel()
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	// Later messages may come again after a nack: the last pass counts.
	for _, want := range []string{"fghijklmnopqrst", "ABCDEFGHIJKLMNOPQRST"} {
		var got strings.Builder
		for _, letter := range order {
			if strings.Contains(want, letter) {
				got.WriteString(letter)
			}
		}
		if !strings.HasSuffix(got.String(), want) {
			t.Errorf("processed %v, want %s in order at the end", order, want)
		}
	}
}

func TestExactlyOnceConfirmsAcknowledgements(t *testing.T) {
	srv, c := setup(t, pubsubtest.Options{})
	createTopic(t, c, "orders")
	createSub(t, c, "mail", "orders", func(s *pubsubpb.Subscription) { s.EnableExactlyOnceDelivery = true })
	publish(t, c, "orders", text(50)...)
	// The first answer is lost: the client asks again and must be told yes.
	srv.Inject(pubsubtest.Fault{Method: "Acknowledge", Code: codes.Unavailable, After: true, Times: 1})
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	var mu sync.Mutex
	seen := map[string]int{}
	err := c.Subscriber("mail").Receive(ctx, func(ctx context.Context, m *pubsub.Message) {
		result := m.AckWithResult()
		got, err := result.Get(ctx)
		mu.Lock()
		defer mu.Unlock()
		if err != nil || got != pubsub.AcknowledgeStatusSuccess {
			t.Errorf("ack of %s: %v, %v", m.ID, got, err)
		}
		if seen[m.ID]++; len(seen) == 50 {
			cancel()
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	for id, n := range seen {
		if n != 1 {
			t.Errorf("%s was delivered %d times", id, n)
		}
	}
}

func TestAStaleIDOfExactlyOnceSaysSoInTheDetails(t *testing.T) {
	clock := pubsubtest.NewManualClock(start())
	_, c := setup(t, pubsubtest.Options{Clock: clock})
	createTopic(t, c, "orders")
	createSub(t, c, "mail", "orders", func(s *pubsubpb.Subscription) { s.EnableExactlyOnceDelivery = true })
	publish(t, c, "orders", text(1)...)
	m := pull(t, c, "mail", 1)[0]
	clock.Advance(10 * time.Second)
	err := c.SubscriptionAdminClient.Acknowledge(context.Background(), &pubsubpb.AcknowledgeRequest{Subscription: subName("mail"), AckIds: []string{m.AckId}})
	if status.Code(err) != codes.FailedPrecondition || !strings.Contains(err.Error(), "PERMANENT_FAILURE_INVALID_ACK_ID") {
		t.Errorf("acknowledge: %v", err)
	}
}

func TestFlowControlKeepsTheRestOnTheServer(t *testing.T) {
	srv, c := setup(t, pubsubtest.Options{})
	createTopic(t, c, "orders")
	createSub(t, c, "mail", "orders", nil)
	publish(t, c, "orders", text(100)...)
	s := c.Subscriber("mail")
	s.ReceiveSettings.MaxOutstandingMessages = 3
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	hold, busy := make(chan struct{}), make(chan struct{}, 100)
	var receiving sync.WaitGroup
	receiving.Go(func() {
		if err := s.Receive(ctx, func(_ context.Context, m *pubsub.Message) {
			busy <- struct{}{}
			<-hold
			m.Ack()
		}); err != nil {
			t.Error(err)
		}
	})
	for range 3 {
		<-busy
	}
	if stats, err := srv.Stats(subName("mail")); err != nil || stats.Outstanding > 3 {
		t.Errorf("%+v, %v; want at most 3 outstanding", stats, err)
	}
	close(hold)
	for range 97 {
		<-busy
	}
	cancel()
	receiving.Wait()
}

func TestPullWaitsForAMessage(t *testing.T) {
	_, c := setup(t, pubsubtest.Options{})
	createTopic(t, c, "orders")
	createSub(t, c, "mail", "orders", nil)
	got := make(chan int, 1)
	go func() {
		response, err := c.SubscriptionAdminClient.Pull(context.Background(), &pubsubpb.PullRequest{Subscription: subName("mail"), MaxMessages: 5})
		if err != nil {
			t.Error(err)
		}
		got <- len(response.GetReceivedMessages())
	}()
	publish(t, c, "orders", text(1)...)
	if n := <-got; n != 1 {
		t.Errorf("got %d messages", n)
	}
}

func TestReceiveEndsWithItsSubscription(t *testing.T) {
	_, c := setup(t, pubsubtest.Options{})
	createTopic(t, c, "orders")
	createSub(t, c, "mail", "orders", nil)
	publish(t, c, "orders", text(1)...)
	err := c.Subscriber("mail").Receive(context.Background(), func(ctx context.Context, m *pubsub.Message) {
		m.Ack()
		ctx = context.WithoutCancel(ctx) // the end of Receive, which this brings, ends ctx
		if err := c.SubscriptionAdminClient.DeleteSubscription(ctx, &pubsubpb.DeleteSubscriptionRequest{Subscription: subName("mail")}); err != nil {
			t.Error(err)
		}
	})
	if status.Code(err) != codes.NotFound {
		t.Errorf("Receive: %v, want NotFound", err)
	}
}
