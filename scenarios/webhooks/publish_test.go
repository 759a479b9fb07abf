//go:build unix

package webhooks

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"

	"github.com/provingground/provingground/pkg/pubsubtest"
)

// newTopic is a publisher on a server whose calls can be made to fail.
func newTopic(t *testing.T) (*pubsubtest.Server, *publisher) {
	t.Helper()
	srv := pubsubtest.NewServer(t, pubsubtest.Options{})
	client, err := pubsub.NewClient(context.WithoutCancel(t.Context()), "p", srv.ClientOptions()...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	if _, err := client.TopicAdminClient.CreateTopic(t.Context(), &pubsubpb.Topic{Name: "projects/p/topics/events"}); err != nil {
		t.Fatal(err)
	}
	if _, err := client.SubscriptionAdminClient.CreateSubscription(t.Context(), &pubsubpb.Subscription{
		Name: "projects/p/subscriptions/all", Topic: "projects/p/topics/events",
	}); err != nil {
		t.Fatal(err)
	}
	p := newPublisher(client, "events", newMetrics())
	t.Cleanup(p.stop)
	return srv, p
}

func ofAccount(t *testing.T, id, account string) *pubsub.Message {
	t.Helper()
	e, err := parse("payments", body(id, map[string]any{"account": account}))
	if err != nil {
		t.Fatal(err)
	}
	return message(e)
}

func TestAFailedPublishDoesNotBlockItsAccount(t *testing.T) {
	srv, p := newTopic(t)
	srv.Inject(pubsubtest.Fault{Method: "Publish", Code: codes.PermissionDenied, Times: 1})
	if err := p.publish(t.Context(), ofAccount(t, "evt_1", "acme")); err == nil || errors.Is(err, errNotAttempted) {
		t.Errorf("the publish that failed: %v, want an unknown outcome", err)
	}
	for _, id := range []string{"evt_1", "evt_2"} {
		if err := p.publish(t.Context(), ofAccount(t, id, "acme")); err != nil {
			t.Errorf("%s, after it: %v", id, err)
		}
	}
}

// TestWhatWaitsBehindAFailedPublishWasNotAttempted holds the first of an account
// at the server, so that the others gather behind it.
func TestWhatWaitsBehindAFailedPublishWasNotAttempted(t *testing.T) {
	srv, p := newTopic(t)
	remove := srv.Inject(pubsubtest.Fault{Method: "Publish", Code: codes.PermissionDenied, Delay: 300 * time.Millisecond, Times: 1})
	defer remove()
	ended := make(chan error, 10)
	for range cap(ended) {
		m := ofAccount(t, "evt_1", "acme")
		go func() { ended <- p.publish(t.Context(), m) }()
	}
	failed, refused, fine := 0, 0, 0
	for range cap(ended) {
		switch err := <-ended; {
		case err == nil:
			fine++
		case errors.Is(err, errNotAttempted):
			refused++
		default:
			failed++
		}
	}
	retained, err := srv.Retained("projects/p/topics/events")
	if err != nil {
		t.Fatal(err)
	}
	if failed == 0 || retained != fine {
		t.Errorf("%d failed, %d refused, %d fine, and %d messages in the topic: want some to fail, and as many messages as were fine", failed, refused, fine, retained)
	}
	if err := p.publish(t.Context(), ofAccount(t, "evt_2", "acme")); err != nil {
		t.Errorf("the next event of the account: %v", err)
	}
	if err := p.publish(t.Context(), ofAccount(t, "evt_3", "other")); err != nil {
		t.Errorf("another account: %v", err)
	}
}

// TestGivingUpTheWaitBlocksNobodyForLong gives the wait up before the publish
// fails. The refusal of the next one resumes the key.
func TestGivingUpTheWaitBlocksNobodyForLong(t *testing.T) {
	srv, p := newTopic(t)
	srv.Inject(pubsubtest.Fault{Method: "Publish", Code: codes.PermissionDenied, Delay: 100 * time.Millisecond, Times: 1})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := p.publish(ctx, ofAccount(t, "evt_1", "acme")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("publish = %v, want that the wait was given up", err)
	}
	eventually(t, "the account goes on", func() bool { return p.publish(t.Context(), ofAccount(t, "evt_2", "acme")) == nil })
}

func TestALostAnswerIsRepeatedByTheClient(t *testing.T) {
	srv, p := newTopic(t)
	srv.Inject(pubsubtest.Fault{Method: "Publish", Code: codes.Unavailable, After: true, Times: 1})
	if err := p.publish(t.Context(), ofAccount(t, "evt_1", "acme")); err != nil {
		t.Fatal(err)
	}
	if n, err := srv.Retained("projects/p/topics/events"); err != nil || n != 2 {
		t.Errorf("%d messages, %v: want the event twice, for the inbox to find", n, err)
	}
}

func TestASleepEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if !sleep(ctx, time.Millisecond) || sleep(ctx, time.Hour) {
			t.Error("want the short sleep to pass and the long one to end early")
		}
	})
}
