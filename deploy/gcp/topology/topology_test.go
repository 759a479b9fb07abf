package topology_test

import (
	"context"
	"strings"
	"testing"
	"time"

	pubsub "cloud.google.com/go/pubsub/v2/apiv1"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"

	"github.com/provingground/provingground/deploy/gcp/topology"
	"github.com/provingground/provingground/pkg/pubsubtest"
)

const orders = `{
	"topics": [{"name": "orders"}, {"name": "orders-dead"}],
	"subscriptions": [
		{
			"name": "mail", "topic": "orders", "ackDeadlineSeconds": 20, "enableMessageOrdering": true,
			"retryPolicy": {"minimumBackoff": "0.1s", "maximumBackoff": "1s"},
			"deadLetterPolicy": {"deadLetterTopic": "orders-dead", "maxDeliveryAttempts": 5}
		},
		{"name": "orders-dead", "topic": "orders-dead"}
	]
}`

func apply(t *testing.T, srv *pubsubtest.Server, text string) error {
	t.Helper()
	parsed, err := topology.Parse([]byte(text), "shop", nil)
	if err != nil {
		t.Fatal(err)
	}
	return parsed.Apply(t.Context(), "42", topology.Local(srv.Addr())...)
}

func subscriptions(t *testing.T, srv *pubsubtest.Server) *pubsub.SubscriptionAdminClient {
	t.Helper()
	client, err := pubsub.NewSubscriptionAdminClient(t.Context(), srv.ClientOptions()...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

func TestAFileIsAppliedRepeatedAndChanged(t *testing.T) {
	srv := pubsubtest.NewServer(t, pubsubtest.Options{})
	client := subscriptions(t, srv)
	changed := strings.Replace(orders, `"ackDeadlineSeconds": 20`, `"ackDeadlineSeconds": 40`, 1)
	changed = strings.Replace(changed, `"maximumBackoff": "1s"},
			"deadLetterPolicy": {"deadLetterTopic": "orders-dead", "maxDeliveryAttempts": 5}`, `"maximumBackoff": "2s"}`, 1)
	for _, step := range []struct {
		name, text  string
		ack         int32
		backoff     int64
		deadLetters bool
	}{
		{"applied", orders, 20, 1, true},
		{"repeated", orders, 20, 1, true},
		{"changed", changed, 40, 2, false},
		{"changed back", orders, 20, 1, true},
	} {
		if err := apply(t, srv, step.text); err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		got, err := client.GetSubscription(t.Context(), &pubsubpb.GetSubscriptionRequest{Subscription: "projects/shop/subscriptions/mail"})
		if err != nil {
			t.Fatal(err)
		}
		if got.AckDeadlineSeconds != step.ack || got.RetryPolicy.MaximumBackoff.Seconds != step.backoff || (got.DeadLetterPolicy != nil) != step.deadLetters || !got.EnableMessageOrdering {
			t.Errorf("%s: %v", step.name, got)
		}
	}
}

func TestWhatCannotBeChangedInPlaceIsAnError(t *testing.T) {
	srv := pubsubtest.NewServer(t, pubsubtest.Options{})
	if err := apply(t, srv, orders); err != nil {
		t.Fatal(err)
	}
	for _, other := range []string{
		strings.Replace(orders, `"enableMessageOrdering": true,`, ``, 1),
		strings.Replace(orders, `"name": "mail", "topic": "orders"`, `"name": "mail", "topic": "orders-dead"`, 1),
		strings.Replace(orders, `"name": "mail",`, `"name": "mail", "filter": "attributes:x",`, 1),
	} {
		if err := apply(t, srv, other); err == nil || !strings.Contains(err.Error(), "cannot be changed") {
			t.Errorf("error %v for %s", err, other)
		}
	}
}

// TestItsGrantsAreWhatForwardingNeeds lets the server forward dead letters only
// with the grants, as the service does.
func TestItsGrantsAreWhatForwardingNeeds(t *testing.T) {
	srv := pubsubtest.NewServer(t, pubsubtest.Options{EnforceDeadLetterGrants: true})
	for range 2 { // a grant is not repeated
		if err := apply(t, srv, orders); err != nil {
			t.Fatal(err)
		}
	}
	topics, err := pubsub.NewTopicAdminClient(t.Context(), srv.ClientOptions()...)
	if err != nil {
		t.Fatal(err)
	}
	defer topics.Close()
	if _, err := topics.Publish(t.Context(), &pubsubpb.PublishRequest{
		Topic: "projects/shop/topics/orders", Messages: []*pubsubpb.PubsubMessage{{Data: []byte("poison")}},
	}); err != nil {
		t.Fatal(err)
	}
	client := subscriptions(t, srv)
	for range 5 {
		got := pull(t, client, "projects/shop/subscriptions/mail")
		if err := client.ModifyAckDeadline(t.Context(), &pubsubpb.ModifyAckDeadlineRequest{
			Subscription: "projects/shop/subscriptions/mail", AckIds: []string{got.AckId}, AckDeadlineSeconds: 0,
		}); err != nil {
			t.Fatal(err)
		}
	}
	if got := pull(t, client, "projects/shop/subscriptions/orders-dead"); string(got.Message.Data) != "poison" {
		t.Errorf("the dead letter is %v", got)
	}
}

// pull waits for a message, until the test's own deadline.
func pull(t *testing.T, client *pubsub.SubscriptionAdminClient, name string) *pubsubpb.ReceivedMessage {
	t.Helper()
	for {
		got, err := client.Pull(t.Context(), &pubsubpb.PullRequest{Subscription: name, MaxMessages: 1})
		if err != nil {
			t.Fatal(err)
		}
		if len(got.ReceivedMessages) > 0 {
			return got.ReceivedMessages[0]
		}
	}
}

func TestMistakesInAFileAreFoundBeforeAnythingIsMade(t *testing.T) {
	topics := func(list string) string { return `{"topics": [` + list + `]}` }
	subs := func(list string) string {
		return `{"topics": [{"name": "orders"}, {"name": "dead"}], "subscriptions": [` + list + `]}`
	}
	for _, tt := range []struct{ name, text, want string }{
		{"no JSON", `topics:`, "invalid character"},
		{"unknown field", topics(`{"name": "orders", "lables": {}}`), "lables"},
		{"a full name", topics(`{"name": "projects/p/topics/orders"}`), "no short name"},
		{"goog", topics(`{"name": "google"}`), "no short name"},
		{"twice", topics(`{"name": "orders"}, {"name": "orders"}`), "twice"},
		{"topic elsewhere", subs(`{"name": "mail", "topic": "others"}`), `topic "others" is not in the file`},
		{"dead letters elsewhere", subs(`{"name": "mail", "topic": "orders", "deadLetterPolicy": {"deadLetterTopic": "others"}}`), `dead letters of subscription mail`},
		{"dead letters that nobody hears", subs(`{"name": "mail", "topic": "orders", "deadLetterPolicy": {"deadLetterTopic": "dead"}}`), "has no subscription"},
		{"unknown variable", subs(`{"name": "mail", "topic": "orders", "pushConfig": {"pushEndpoint": "${WHERE}/push"}}`), "${WHERE}"},
		{"huge", strings.Repeat(" ", topology.MaxFile+1), "at most"},
	} {
		if _, err := topology.Parse([]byte(tt.text), "shop", nil); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want one with %q", tt.name, err, tt.want)
		}
	}
}

func TestVariablesReachThePushConfigAlone(t *testing.T) {
	text := `{"topics": [{"name": "orders"}], "subscriptions": [{"name": "mail", "topic": "orders", "filter": "attributes.a = \"${AT}\"",
		"pushConfig": {"pushEndpoint": "${AT}/push", "oidcToken": {"audience": "${AT}", "serviceAccountEmail": "${WHO}"}}}]}`
	got, err := topology.Parse([]byte(text), "shop", map[string]string{"AT": "https://run.example", "WHO": "push@shop.example"})
	if err != nil {
		t.Fatal(err)
	}
	push := got.Subscriptions[0].PushConfig
	if push.PushEndpoint != "https://run.example/push" || push.GetOidcToken().Audience != "https://run.example" ||
		push.GetOidcToken().ServiceAccountEmail != "push@shop.example" || !strings.Contains(got.Subscriptions[0].Filter, "${AT}") {
		t.Errorf("%v", got.Subscriptions[0])
	}
}

func TestAServerThatIsNotThereIsAnError(t *testing.T) {
	parsed, err := topology.Parse([]byte(orders), "shop", nil)
	if err != nil {
		t.Fatal(err)
	}
	srv, err := pubsubtest.Start(pubsubtest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	addr := srv.Addr()
	if err := srv.Close(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	if err := parsed.Apply(ctx, "42", topology.Local(addr)...); err == nil {
		t.Error("applied to nobody")
	}
}
