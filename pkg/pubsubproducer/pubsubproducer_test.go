package pubsubproducer_test

import (
	"context"
	"errors"
	"reflect"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"

	"github.com/provingground/provingground/pkg/pubsubproducer"
	"github.com/provingground/provingground/pkg/pubsubtest"
)

const topicName = "projects/p/topics/events"

// newTopic is a topic on a server whose calls can be made to fail.
func newTopic(t *testing.T) (*pubsubtest.Server, *pubsubproducer.Topic) {
	t.Helper()
	srv := pubsubtest.NewServer(t, pubsubtest.Options{})
	client, err := pubsubproducer.Open(t.Context(), "p", srv.ClientOptions()...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	if _, err := client.TopicAdminClient.CreateTopic(t.Context(), &pubsubpb.Topic{Name: topicName}); err != nil {
		t.Fatal(err)
	}
	if _, err := client.SubscriptionAdminClient.CreateSubscription(t.Context(), &pubsubpb.Subscription{
		Name: "projects/p/subscriptions/all", Topic: topicName,
	}); err != nil {
		t.Fatal(err)
	}
	topic := pubsubproducer.NewTopic(client, "events", true, 3*time.Second, time.Millisecond)
	t.Cleanup(topic.Stop)
	return srv, topic
}

func of(key string) *pubsub.Message { return &pubsub.Message{Data: []byte("m"), OrderingKey: key} }

func TestAFailedPublishDoesNotBlockItsKey(t *testing.T) {
	srv, topic := newTopic(t)
	resumed := 0
	topic.Resumed = func() { resumed++ }
	srv.Inject(pubsubtest.Fault{Method: "Publish", Code: codes.PermissionDenied, Times: 1})
	if err := topic.Publish(t.Context(), of("acme")); err == nil || errors.Is(err, pubsubproducer.ErrNotAttempted) {
		t.Errorf("the publish that failed: %v, want an unknown outcome", err)
	}
	for range 2 {
		if err := topic.Publish(t.Context(), of("acme")); err != nil {
			t.Errorf("after it: %v", err)
		}
	}
	if resumed != 1 {
		t.Errorf("resumed %d times, want once", resumed)
	}
}

// TestWhatWaitsBehindAFailedPublishWasNotAttempted holds the first of a key at the
// server, so that the others gather behind it.
func TestWhatWaitsBehindAFailedPublishWasNotAttempted(t *testing.T) {
	srv, topic := newTopic(t)
	remove := srv.Inject(pubsubtest.Fault{Method: "Publish", Code: codes.PermissionDenied, Delay: 300 * time.Millisecond, Times: 1})
	defer remove()
	ended := make(chan error, 10)
	for range cap(ended) {
		go func() { ended <- topic.Publish(t.Context(), of("acme")) }()
	}
	failed, refused, fine := 0, 0, 0
	for range cap(ended) {
		switch err := <-ended; {
		case err == nil:
			fine++
		case errors.Is(err, pubsubproducer.ErrNotAttempted):
			refused++
		default:
			failed++
		}
	}
	retained, err := srv.Retained(topicName)
	if err != nil {
		t.Fatal(err)
	}
	if failed == 0 || retained != fine {
		t.Errorf("%d failed, %d refused, %d fine, and %d messages in the topic: want some to fail, and as many messages as were fine", failed, refused, fine, retained)
	}
	for _, key := range []string{"acme", "other"} {
		if err := topic.Publish(t.Context(), of(key)); err != nil {
			t.Errorf("the next message of %s: %v", key, err)
		}
	}
}

// TestGivingUpTheWaitBlocksNobodyForLong gives the wait up before the publish
// fails. The refusal of the next one resumes the key.
func TestGivingUpTheWaitBlocksNobodyForLong(t *testing.T) {
	srv, topic := newTopic(t)
	srv.Inject(pubsubtest.Fault{Method: "Publish", Code: codes.PermissionDenied, Delay: 100 * time.Millisecond, Times: 1})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := topic.Publish(ctx, of("acme")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("publish = %v, want that the wait was given up", err)
	}
	for {
		err := topic.Publish(t.Context(), of("acme"))
		if err == nil {
			return
		}
		if !errors.Is(err, pubsubproducer.ErrNotAttempted) {
			t.Fatalf("behind it: %v, want that it was not attempted", err)
		}
	}
}

// TestManyLostAnswersAreRepeatedInTime loses more answers in a row than the
// library's own pauses leave time for: the sixth attempt would come after 8.5 s on
// average.
func TestManyLostAnswersAreRepeatedInTime(t *testing.T) {
	srv, topic := newTopic(t)
	srv.Inject(pubsubtest.Fault{Method: "Publish", Code: codes.Unavailable, After: true, Times: 7})
	if err := topic.Publish(t.Context(), of("acme")); err != nil {
		t.Fatal(err)
	}
	if n, err := srv.Retained(topicName); err != nil || n != 8 {
		t.Errorf("%d messages, %v: want the message eight times, for the inbox to find", n, err)
	}
}

func TestTheClientOutlivesTheContextThatOpenedIt(t *testing.T) {
	srv, topic := newTopic(t)
	ctx, cancel := context.WithCancel(t.Context())
	client, err := pubsubproducer.Open(ctx, "p", srv.ClientOptions()...)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	cancel()
	late := pubsubproducer.NewTopic(client, topicName, false, 3*time.Second, time.Millisecond)
	defer late.Stop()
	if err := late.Publish(t.Context(), &pubsub.Message{Data: []byte("late")}); err != nil {
		t.Errorf("after the end of the context: %v", err)
	}
	if err := topic.Publish(t.Context(), of("acme")); err != nil {
		t.Error(err)
	}
}

func TestAttributesOfTheContextGoWithTheMessage(t *testing.T) {
	srv, topic := newTopic(t)
	type request struct{}
	topic.Attributes = func(ctx context.Context) map[string]string {
		if id, ok := ctx.Value(request{}).(string); ok {
			return map[string]string{"request": id, "both": "the context's"}
		}
		return nil
	}
	m := &pubsub.Message{Data: []byte("m"), OrderingKey: "acme", Attributes: map[string]string{"own": "kept", "both": "the message's"}}
	for _, ctx := range []context.Context{context.WithValue(t.Context(), request{}, "r1"), t.Context()} {
		if err := topic.Publish(ctx, m); err != nil {
			t.Fatal(err)
		}
	}
	client, err := pubsubproducer.Open(t.Context(), "p", srv.ClientOptions()...)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	out, err := client.SubscriptionAdminClient.Pull(t.Context(), &pubsubpb.PullRequest{Subscription: "projects/p/subscriptions/all", MaxMessages: 10})
	if err != nil {
		t.Fatal(err)
	}
	var got []map[string]string
	for _, r := range out.ReceivedMessages {
		got = append(got, r.Message.Attributes)
		if r.Message.OrderingKey != "acme" || string(r.Message.Data) != "m" {
			t.Errorf("message %v, want the key and the data that were given", r.Message)
		}
	}
	want := []map[string]string{{"own": "kept", "request": "r1", "both": "the context's"}, {"own": "kept", "both": "the message's"}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("attributes %v, want %v", got, want)
	}
	if len(m.Attributes) != 2 {
		t.Errorf("the caller's message has now %v", m.Attributes)
	}
}
