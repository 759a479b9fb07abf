//go:build unix

package server_test

import (
	"encoding/json"
	"net/http"
	"testing"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

func TestPubSubKeepsWhatItAnsweredThroughAKill(t *testing.T) {
	r := start(t, clone(t), "pubsub").Get("pubsub")
	conn, err := grpc.NewClient(r.Addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	publisher, subscriber := pubsubpb.NewPublisherClient(conn), pubsubpb.NewSubscriberClient(conn)
	const topic, subscription = "projects/p/topics/orders", "projects/p/subscriptions/mail"
	if _, err := publisher.CreateTopic(t.Context(), &pubsubpb.Topic{Name: topic}); err != nil {
		t.Fatal(err)
	}
	if _, err := subscriber.CreateSubscription(t.Context(), &pubsubpb.Subscription{Name: subscription, Topic: topic}); err != nil {
		t.Fatal(err)
	}
	sent, err := publisher.Publish(t.Context(), &pubsubpb.PublishRequest{Topic: topic, Messages: []*pubsubpb.PubsubMessage{{Data: []byte("kept")}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := r.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	got, err := subscriber.Pull(t.Context(), &pubsubpb.PullRequest{Subscription: subscription, MaxMessages: 2}, grpc.WaitForReady(true))
	if err != nil || len(got.ReceivedMessages) != 1 || got.ReceivedMessages[0].Message.MessageId != sent.MessageIds[0] {
		t.Errorf("after the kill: %v, %v; want message %s", got, err, sent.MessageIds[0])
	}
}

// TestTheKeysOfPushTokensStayWhereTheEnvironmentPoints looks at a server of the
// clone, as processes see it that come later, and after a restart.
func TestTheKeysOfPushTokensStayWhereTheEnvironmentPoints(t *testing.T) {
	c := clone(t)
	first := up(t, c, "pubsub")
	issuer := first.Env()["PUBSUB_TOKEN_ISSUER"]
	if again := up(t, c, "pubsub").Env()["PUBSUB_TOKEN_ISSUER"]; again != issuer {
		t.Errorf("another process is told %s, the first one %s", again, issuer)
	}
	if err := first.Get("pubsub").Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, issuer+"/.well-known/openid-configuration", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var said struct{ Issuer string }
	if err := json.NewDecoder(resp.Body).Decode(&said); err != nil || said.Issuer != issuer {
		t.Errorf("%s calls itself %q, %v", issuer, said.Issuer, err)
	}
}
