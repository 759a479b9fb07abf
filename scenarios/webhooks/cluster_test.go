//go:build unix

package webhooks

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/provingground/provingground/deploy/gcp/topology"
	"github.com/provingground/provingground/deploy/local/provision"
	"github.com/provingground/provingground/deploy/local/server"
	"github.com/provingground/provingground/deploy/local/server/servertest"
	"github.com/provingground/provingground/pkg/traces"
	"github.com/provingground/provingground/pkg/webhooksig"
)

// cluster is the servers with the scenario's infrastructure, and what a test
// starts of the roles in this process.
type cluster struct {
	servers *server.Set
	client  *pubsub.Client
	db      *pgxpool.Pool
	inbox   *inbox
	log     *slog.Logger
	urls    []string         // of two receivers
	traces  *traces.Provider // none, but where they are tested
}

func paymentKeys() webhooksig.Keys {
	return webhooksig.Keys{[]byte("the key of payments, long enough"), []byte("the next key of payments, long enough")}
}

func repoKeys() webhooksig.Keys { return webhooksig.Keys{[]byte("the key of repos, long enough too")} }

func newCluster(t *testing.T) *cluster {
	t.Helper()
	c := &cluster{servers: servertest.Start(t, "pubsub", "postgres"), log: slog.New(slog.NewJSONHandler(t.Output(), nil))}
	env := c.servers.Env()
	template, err := os.ReadFile("../../deploy/gcp/webhooks.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := provision.File(t.Context(), env, "webhooks", "gcp/webhooks.json", string(template)); err != nil {
		t.Fatal(err)
	}
	if c.client, err = pubsub.NewClient(context.WithoutCancel(t.Context()), env["GOOGLE_CLOUD_PROJECT"], topology.Local(env["PUBSUB_EMULATOR_HOST"])...); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.client.Close() })
	c.db = openDatabase(t, servertest.Database(t, c.servers))
	c.inbox = &inbox{c.db}
	for range 2 {
		c.urls = append(c.urls, c.receiver(t, 1e6))
	}
	return c
}

func openDatabase(t *testing.T, url string) *pgxpool.Pool {
	t.Helper()
	db, err := OpenDatabase(t.Context(), url, "test", 10)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	if err := prepare(t.Context(), db, time.Now()); err != nil {
		t.Fatal(err)
	}
	return db
}

// receiver starts a receiver of its own and returns its address.
func (c *cluster) receiver(t *testing.T, admit float64) string {
	t.Helper()
	m := newMetrics()
	p := newPublisher(c.client, "webhooks-events", m)
	srv := httptest.NewServer(newReceiver(Providers(paymentKeys(), repoKeys()), p, admit, m, c.log))
	t.Cleanup(func() { srv.Close(); p.Stop() })
	return srv.URL
}

// startProcessor runs one until the test or stop ends it.
func (c *cluster) startProcessor(t *testing.T) (stop func()) {
	return c.startProcessorOn(t, c.inbox, newMetrics())
}

func (c *cluster) startProcessorOn(t *testing.T, events *inbox, m *metrics) (stop func()) {
	t.Helper()
	p := newProcessor(events, newDeadLetters(c.client, "webhooks-dead"), m, c.log)
	p.traces, p.from = c.traces, traces.Channel{System: "gcp_pubsub", Name: "webhooks-processor"}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() {
		done <- process(ctx, Common{Client: c.client, Log: c.log}, p, Processor{DB: c.db, Subscription: "webhooks-processor"})
	}()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		p.dead.stop()
	})
	t.Cleanup(stop)
	return stop
}

// body is an event as a provider writes it, with changes.
func body(id string, changes map[string]any) []byte {
	all := map[string]any{
		"id": id, "type": typePaid, "account": "acme", "created": time.Now().Unix(), "version": 1,
		"data": map[string]any{"amount": 100, "plan": ""}, "unknown": []int{1, 2},
	}
	for name, value := range changes {
		all[name] = value
	}
	raw, _ := json.Marshal(all) // maps, texts and numbers: it cannot fail
	return raw
}

func stripe(raw []byte) http.Header {
	return http.Header{"Stripe-Signature": {webhooksig.SignStripe(paymentKeys()[:1], time.Now(), raw)}}
}

// post sends a body to the first receiver and returns the status and the answer.
func (c *cluster) post(t *testing.T, path string, header http.Header, raw io.Reader) (int, string, http.Header) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.urls[0]+path, raw)
	if err != nil {
		t.Fatal(err)
	}
	req.Header = header
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text), resp.Header
}

// accept sends an event and wants it accepted.
func (c *cluster) accept(t *testing.T, raw []byte) {
	t.Helper()
	if status, text, _ := c.post(t, "/webhooks/payments", stripe(raw), bytes.NewReader(raw)); status != http.StatusAccepted {
		t.Fatalf("POST %s: %d %s", raw, status, text)
	}
}

// eventually waits for a condition, with a bound that only a broken build meets.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(40 * time.Second); !ok(); {
		if time.Now().After(deadline) {
			t.Fatalf("not within 40 s: %s", what)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func (c *cluster) rows(t *testing.T) (n int) {
	t.Helper()
	if err := c.db.QueryRow(t.Context(), "SELECT count(*) FROM inbox").Scan(&n); err != nil {
		return -1 // the database is away
	}
	return n
}

func (c *cluster) account(t *testing.T, name string) Account {
	t.Helper()
	a, err := c.inbox.account(t.Context(), "payments", name)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// deadLetters waits for n dead letters and returns their reasons.
func (c *cluster) deadLetters(t *testing.T, n int) (reasons []string) {
	t.Helper()
	for _, attributes := range c.dead(t, n) {
		reasons = append(reasons, attributes[attributeReason])
	}
	return reasons
}

// dead waits for n dead letters and returns their attributes.
func (c *cluster) dead(t *testing.T, n int) (all []map[string]string) {
	t.Helper()
	name := "projects/" + c.client.Project() + "/subscriptions/webhooks-dead"
	eventually(t, fmt.Sprintf("%d dead letters", n), func() bool {
		out, err := c.client.SubscriptionAdminClient.Pull(t.Context(), &pubsubpb.PullRequest{
			Subscription: name, MaxMessages: 100, ReturnImmediately: true, //lint:ignore SA1019 nothing is an answer, too
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range out.ReceivedMessages {
			all = append(all, m.Message.Attributes)
		}
		return len(all) >= n
	})
	return all
}

func sentence(all []string, part string) bool {
	for _, s := range all {
		if strings.Contains(s, part) {
			return true
		}
	}
	return false
}
