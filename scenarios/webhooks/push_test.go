//go:build unix

package webhooks

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
)

const (
	audience = "https://webhooks.example/push"
	pusher   = "push@local.iam.gserviceaccount.com"
)

// startPush serves the endpoint of a push subscription and returns its address.
func (c *cluster) startPush(t *testing.T) (string, *metrics) {
	t.Helper()
	m := newMetrics()
	p := newProcessor(c.inbox, newDeadLetters(c.client, "webhooks-dead"), m, c.log)
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan struct{})
	go func() { defer close(done); p.run(ctx) }()
	srv := httptest.NewServer(&push{who: Push{c.servers.Env()["PUBSUB_TOKEN_ISSUER"], audience, pusher}, processor: p})
	t.Cleanup(func() {
		srv.Close()
		cancel()
		<-done
		p.dead.stop()
	})
	return srv.URL, m
}

// subscribe makes a push subscription of its own.
func (c *cluster) subscribe(t *testing.T, name, url, account, audience string) {
	t.Helper()
	s := &pubsubpb.Subscription{
		Name: "projects/" + c.client.Project() + "/subscriptions/" + name, Topic: "projects/" + c.client.Project() + "/topics/webhooks-events",
		AckDeadlineSeconds: 30, EnableMessageOrdering: true, PushConfig: &pubsubpb.PushConfig{PushEndpoint: url},
	}
	if account != "" {
		s.PushConfig.AuthenticationMethod = &pubsubpb.PushConfig_OidcToken_{OidcToken: &pubsubpb.PushConfig_OidcToken{ServiceAccountEmail: account, Audience: audience}}
	}
	if _, err := c.client.SubscriptionAdminClient.CreateSubscription(t.Context(), s); err != nil {
		t.Fatal(err)
	}
}

func TestPushedEventsAreAppliedByTheSameHandler(t *testing.T) {
	c := newCluster(t)
	url, _ := c.startPush(t)
	c.subscribe(t, "push", url, pusher, audience)
	c.accept(t, body("evt_1", nil))
	c.accept(t, body("evt_2", map[string]any{"version": 2}))
	eventually(t, "both are applied", func() bool { return c.rows(t) == 2 })
	c.startProcessor(t) // pulls the same events from its own subscription
	c.accept(t, body("evt_3", map[string]any{"version": 3}))
	eventually(t, "the third is applied", func() bool { return c.rows(t) == 3 })
	if a := c.account(t, "acme"); a.Events != 3 || a.Received != 300 {
		t.Errorf("account %+v, want each event once", a)
	}
}

func TestAPushWithoutTheSubscriptionsTokenIsRefused(t *testing.T) {
	c := newCluster(t)
	for name, tt := range map[string]struct{ account, audience string }{
		"no token":           {"", ""},
		"another account":    {"somebody@local.iam.gserviceaccount.com", audience},
		"another audience":   {pusher, "https://elsewhere.example"},
		"both are another's": {"somebody@local.iam.gserviceaccount.com", "https://elsewhere.example"},
	} {
		url, m := c.startPush(t)
		c.subscribe(t, "push-"+strings.ReplaceAll(strings.ReplaceAll(name, " ", "-"), "'", ""), url, tt.account, tt.audience)
		c.accept(t, body("evt_1", nil))
		eventually(t, name+": the push is refused", func() bool { return value(t, m, "webhooks_push_refused_total") > 0 })
		if n := c.rows(t); n != 0 {
			t.Errorf("%s: %d events were applied", name, n)
		}
	}
}

// value reads a counter.
func value(t *testing.T, m *metrics, name string) (sum float64) {
	t.Helper()
	families, err := m.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, each := range f.GetMetric() {
			sum += each.GetCounter().GetValue()
		}
	}
	return sum
}

func TestMalformedTokensAndBodiesOfAPushAreRefused(t *testing.T) {
	c := newCluster(t)
	url, _ := c.startPush(t)
	for name, tt := range map[string]struct {
		authorization, body string
		want                int
	}{
		"no header":       {"", "{}", 401},
		"no bearer":       {"Basic eDp5", "{}", 401},
		"no token":        {"Bearer x.y.z", "{}", 401},
		"a huge token":    {"Bearer " + strings.Repeat("x", 8000), "{}", 401},
		"an unsigned one": {"Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.", "{}", 401},
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(tt.body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", tt.authorization)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != tt.want {
			t.Errorf("%s: %d, want %d", name, resp.StatusCode, tt.want)
		}
	}
}
