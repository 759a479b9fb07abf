//go:build unix

package pubsubdlq

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
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/provingground/provingground/deploy/gcp/topology"
	"github.com/provingground/provingground/deploy/local/server"
	"github.com/provingground/provingground/deploy/local/server/servertest"
	"github.com/provingground/provingground/pkg/traces"
)

const token = "administration token of the tests"

// cluster is the servers with the scenario's topics, and the roles in this process.
type cluster struct {
	servers *server.Set
	client  *pubsub.Client
	db      *pgxpool.Pool
	log     *slog.Logger
	metrics *metrics
	traces  *traces.Provider // none, but where they are tested

	intake, accounts, desk *httptest.Server
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	c := &cluster{servers: servertest.Start(t, "pubsub", "postgres"), log: slog.New(slog.NewJSONHandler(t.Output(), nil)), metrics: newMetrics()}
	env := c.servers.Env()
	raw, err := os.ReadFile("../../deploy/gcp/pubsubdlq.json")
	if err != nil {
		t.Fatal(err)
	}
	top, err := topology.Parse(raw, env["GOOGLE_CLOUD_PROJECT"], nil)
	if err != nil {
		t.Fatal(err)
	}
	local := topology.Local(env["PUBSUB_EMULATOR_HOST"])
	if err := top.Apply(t.Context(), "1", local...); err != nil {
		t.Fatal(err)
	}
	if c.client, err = pubsub.NewClient(t.Context(), env["GOOGLE_CLOUD_PROJECT"], local...); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.client.Close() })
	if c.db, err = OpenDatabase(t.Context(), servertest.Database(t, c.servers), "pubsubdlq", "test", 20); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.db.Close)
	if err := prepare(t.Context(), c.db); err != nil {
		t.Fatal(err)
	}
	c.serve(t)
	return c
}

func (c *cluster) serve(t *testing.T) {
	t.Helper()
	events := newTopic(c.client, "pubsubdlq-events", true)
	a := &accounts{db: c.db, metrics: c.metrics, log: c.log}
	both := http.NewServeMux()
	both.Handle("/api/", a.public())
	both.Handle("/admin/", authorized(token, a.admin()))
	c.intake = httptest.NewServer(newIntake(events, c.metrics, c.log, 1e6))
	c.accounts = httptest.NewServer(both)
	c.desk = httptest.NewServer(authorized(token, (&desk{db: c.db, metrics: c.metrics, log: c.log}).mux()))
	t.Cleanup(func() {
		c.intake.Close()
		c.accounts.Close()
		c.desk.Close()
		events.Stop()
	})
}

// start runs one part of a role until the test or stop ends it.
func start(t *testing.T, run func(context.Context) error) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := run(ctx); err != nil && ctx.Err() == nil {
			t.Error(err)
		}
	}()
	stop = sync.OnceFunc(func() { cancel(); <-done })
	t.Cleanup(stop)
	return stop
}

func (c *cluster) startSubscriber(t *testing.T, on OnPoison) (stop func()) {
	t.Helper()
	s := Subscriber{Client: c.client, Subscription: "pubsubdlq-subscriber", DeadTopic: "pubsubdlq-dead", Outstanding: 50}
	consumer := s.consumer(&biller{db: c.db, process: "test", park: on == Park}, c.metrics, c.log)
	return start(t, func(ctx context.Context) error {
		defer consumer.DeadLetters.Stop()
		return consumer.Run(ctx)
	})
}

// startDeadLetters runs what the deadletters role does.
func (c *cluster) startDeadLetters(t *testing.T) {
	t.Helper()
	u := &undertaker{db: c.db, topic: newTopic(c.client, "pubsubdlq-events", true), metrics: c.metrics, log: c.log}
	start(t, func(ctx context.Context) error { u.redrive(ctx); u.topic.Stop(); return nil })
	start(t, func(ctx context.Context) error { return u.collect(ctx, c.client.Subscriber("pubsubdlq-dead")) })
}

// eventually waits for a condition, with a bound that only a broken build meets.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(40 * time.Second); !ok(); {
		if time.Now().After(deadline) {
			t.Fatalf("still not so: %s", what)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// answer is what came back from one call.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func call(t *testing.T, method, url, authorization, key, body string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if authorization != "" {
		req.Header.Set("Authorization", authorization)
	}
	if key != "" {
		req.Header.Set("Idempotency-Key", key)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, bytes.TrimSpace(raw)}
}

// use records usage through the API.
func (c *cluster) use(t *testing.T, key, account, rest string) {
	t.Helper()
	a := call(t, "POST", c.intake.URL+"/api/usage", "", key, fmt.Sprintf(`{"account":%q,%s}`, account, rest))
	if a.status != 202 {
		t.Fatalf("usage of %s: %d %s", account, a.status, a.body)
	}
}

func (c *cluster) set(t *testing.T, account, body string) {
	t.Helper()
	if a := call(t, "PUT", c.accounts.URL+"/admin/accounts/"+account, "Bearer "+token, "", body); a.status != 204 {
		t.Fatalf("account %s: %d %s", account, a.status, a.body)
	}
}

// atDesk asks the desk and reads its answer.
func (c *cluster) atDesk(t *testing.T, method, path, body string, into any) int {
	t.Helper()
	a := call(t, method, c.desk.URL+path, "Bearer "+token, "", body)
	if into != nil {
		if err := json.Unmarshal(a.body, into); err != nil {
			t.Fatalf("%s %s: %d %s: %v", method, path, a.status, a.body, err)
		}
	}
	return a.status
}

func (c *cluster) count(t *testing.T, sql string, args ...any) (n int) {
	t.Helper()
	if err := c.db.QueryRow(t.Context(), sql, args...).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// charged returns an account's charges in their order, as units.
func (c *cluster) charged(t *testing.T, account string) string {
	t.Helper()
	var units string
	if err := c.db.QueryRow(t.Context(), "SELECT coalesce(string_agg(units::text, ' ' ORDER BY n), '') FROM charges WHERE account = $1", account).Scan(&units); err != nil {
		t.Fatal(err)
	}
	return units
}

// letters returns the dead letters by reason and state.
func (c *cluster) letters(t *testing.T) string {
	t.Helper()
	var all string
	err := c.db.QueryRow(t.Context(), "SELECT coalesce(string_agg(reason || ' ' || state, ', ' ORDER BY reason, state), '') FROM dead_letters").Scan(&all)
	if err != nil {
		t.Fatal(err)
	}
	return all
}
