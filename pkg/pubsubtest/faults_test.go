package pubsubtest_test

import (
	"context"
	"fmt"
	"testing"

	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/provingground/provingground/pkg/pubsubtest"
)

func rawPublish(c *pubsub.Client, topic string) error {
	_, err := c.TopicAdminClient.Publish(context.Background(), &pubsubpb.PublishRequest{
		Topic: topicName(topic), Messages: []*pubsubpb.PubsubMessage{{Data: []byte("x")}},
	})
	return err
}

func TestAFaultStrikesItsMethodAndResourceOnly(t *testing.T) {
	srv, c := setup(t, pubsubtest.Options{})
	createTopic(t, c, "orders")
	createTopic(t, c, "other")
	remove := srv.Inject(pubsubtest.Fault{Method: "Publish", Resource: topicName("orders"), Code: codes.PermissionDenied})
	for range 2 {
		if err := rawPublish(c, "orders"); status.Code(err) != codes.PermissionDenied {
			t.Errorf("publish: %v, want PermissionDenied", err)
		}
	}
	if err := rawPublish(c, "other"); err != nil {
		t.Errorf("another topic: %v", err)
	}
	if _, err := c.TopicAdminClient.GetTopic(context.Background(), &pubsubpb.GetTopicRequest{Topic: topicName("orders")}); err != nil {
		t.Errorf("another method: %v", err)
	}
	remove()
	if err := rawPublish(c, "orders"); err != nil {
		t.Errorf("after removal: %v", err)
	}
}

func TestALostAnswerMakesADuplicate(t *testing.T) {
	srv, c := setup(t, pubsubtest.Options{})
	createTopic(t, c, "orders")
	createSub(t, c, "mail", "orders", nil)
	srv.Inject(pubsubtest.Fault{Method: "Publish", Code: codes.Unavailable, After: true, Times: 1})
	publish(t, c, "orders", text(1)...) // the client tries again by itself
	if stats, err := srv.Stats(subName("mail")); err != nil || stats.Backlog != 2 {
		t.Errorf("%+v, %v; want the message twice", stats, err)
	}
}

func TestARefusedCallWasNotExecuted(t *testing.T) {
	srv, c := setup(t, pubsubtest.Options{})
	createTopic(t, c, "orders")
	createSub(t, c, "mail", "orders", nil)
	srv.Inject(pubsubtest.Fault{Method: "Publish", Code: codes.Unavailable, Times: 1})
	publish(t, c, "orders", text(1)...)
	if stats, err := srv.Stats(subName("mail")); err != nil || stats.Backlog != 1 {
		t.Errorf("%+v, %v; want the message once", stats, err)
	}
}

func TestDuplicatesAndReorderingOnDemand(t *testing.T) {
	srv, c := setup(t, pubsubtest.Options{})
	createTopic(t, c, "orders")
	createSub(t, c, "mail", "orders", nil)
	publish(t, c, "orders", text(3)...)
	srv.Misdeliver(subName("mail"), pubsubtest.Misdelivery{Duplicate: true, Reverse: true})
	var got []string
	request := &pubsubpb.AcknowledgeRequest{Subscription: subName("mail")}
	for _, m := range pull(t, c, "mail", 10) {
		got = append(got, string(m.Message.Data))
		request.AckIds = append(request.AckIds, m.AckId)
	}
	if fmt.Sprint(got) != "[2 1 0 2 1 0]" {
		t.Errorf("got %v", got)
	}
	if err := c.SubscriptionAdminClient.Acknowledge(context.Background(), request); err != nil {
		t.Error(err)
	}
	if stats, err := srv.Stats(subName("mail")); err != nil || stats.Backlog != 0 {
		t.Errorf("after acknowledging all: %+v, %v", stats, err)
	}
}

func TestAClientSurvivesBrokenStreams(t *testing.T) {
	srv, c := setup(t, pubsubtest.Options{})
	createTopic(t, c, "orders")
	createSub(t, c, "mail", "orders", nil)
	ids := publish(t, c, "orders", text(200)...)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	s := c.Subscriber("mail")
	s.ReceiveSettings.MaxOutstandingMessages = 10
	seen := make(chan string, 1000)
	done := make(chan error, 1)
	go func() {
		done <- s.Receive(ctx, func(_ context.Context, m *pubsub.Message) {
			m.Ack()
			seen <- m.ID
		})
	}()
	distinct := map[string]bool{}
	for len(distinct) < len(ids) {
		distinct[<-seen] = true
		if len(distinct)%50 == 0 {
			srv.BreakStreams(subName("mail"), codes.Unavailable)
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
