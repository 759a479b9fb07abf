//go:build unix

package servicebusdlq

import (
	"context"
	"encoding/json"
	"errors"
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

	"github.com/Azure/azure-sdk-for-go/sdk/data/aztables"
	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"

	"github.com/provingground/provingground/deploy/local/provision"
	"github.com/provingground/provingground/deploy/local/server"
	"github.com/provingground/provingground/deploy/local/server/servertest"
	"github.com/provingground/provingground/pkg/servicebusproducer"
	"github.com/provingground/provingground/pkg/tablebatch"
)

const token = "administration token of the tests"

// cluster is the servers with the scenario's infrastructure, a producer and a desk,
// and what a test starts of the rest in this process.
type cluster struct {
	servers           *server.Set
	process           *Process
	queues            Queues
	payments, letters *aztables.Client
	producer, desk    string
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	c := &cluster{
		servers: servertest.Start(t, "servicebus", "tables"), queues: Queues{"servicebusdlq-payments", "servicebusdlq-ordered"},
		process: &Process{Log: slog.New(slog.NewJSONHandler(t.Output(), nil)), metrics: newMetrics()},
	}
	env := c.servers.Env()
	entities, err := os.ReadFile("../../deploy/azure/servicebusdlq-entities.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := provision.File(t.Context(), env, "servicebusdlq", "azure/servicebusdlq-entities.json", string(entities)); err != nil {
		t.Fatal(err)
	}
	if c.process.Client, err = servicebusproducer.Open(env["SERVICEBUS_CONNECTION_STRING"]); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.process.Client.Close(context.WithoutCancel(t.Context())) })
	for name, table := range map[string]**aztables.Client{"payments": &c.payments, "quarantine": &c.letters} {
		if *table, err = tablebatch.Open(env["TABLES_CONNECTION_STRING"], name); err != nil {
			t.Fatal(err)
		}
		if err := prepare(t.Context(), *table); err != nil {
			t.Fatal(err)
		}
	}
	p := newProducer(c.queue(t, c.queues.Plain), c.queue(t, c.queues.Ordered), c.process.metrics, c.process.Log, 1e6)
	c.producer = serve(t, p)
	c.desk = serve(t, authorized(token, (&desk{vault: vault{c.letters}, answers: answers{c.process.metrics, c.process.Log}}).mux()))
	return c
}

func serve(t *testing.T, h http.Handler) string {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return srv.URL
}

func (c *cluster) queue(t *testing.T, name string) *servicebusproducer.Queue {
	t.Helper()
	q, err := servicebusproducer.New(c.process.Client, name, maxSending)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// start runs a part of a role until the test or stop ends it.
func start(t *testing.T, run func(context.Context) error) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return stop
}

func (c *cluster) startProcessor(t *testing.T) (stop func()) {
	t.Helper()
	return start(t, func(ctx context.Context) error {
		return errors.Join(consume(ctx, c.process.consumers(c.queues, ledger{c.payments}, Processor{Messages: 4, Sessions: 4})...)...)
	})
}

func (c *cluster) startCollectors(t *testing.T) (stop func()) {
	t.Helper()
	return start(t, func(ctx context.Context) error {
		return errors.Join(consume(ctx, c.process.collectors(c.queues, vault{c.letters})...)...)
	})
}

// sender is what a quarantine process sends letters back with.
func (c *cluster) sender(t *testing.T) *sender {
	t.Helper()
	return &sender{
		vault: vault{c.letters}, ledger: ledger{c.payments}, log: c.process.Log,
		queues: map[string]*servicebusproducer.Queue{c.queues.Plain: c.queue(t, c.queues.Plain), c.queues.Ordered: c.queue(t, c.queues.Ordered)},
	}
}

// ask sends a request and returns the status of the answer and its body.
func ask(t *testing.T, method, url, key, body string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("X-Operator", "ada")
	if key != "" {
		r.Header.Set("Idempotency-Key", key)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

// pay sends a payment that is accepted.
func (c *cluster) pay(t *testing.T, key, account string, ordered bool, data string) {
	t.Helper()
	body := fmt.Sprintf(`{"account":%q,"ordered":%t,"data":%s}`, account, ordered, data)
	if status, text := ask(t, http.MethodPost, c.producer+"/api/payments", key, body); status != http.StatusAccepted {
		t.Fatalf("pay %s: %d %s", body, status, text)
	}
}

// decide asks the desk for something that it does.
func (c *cluster) decide(t *testing.T, method, path, body string) string {
	t.Helper()
	status, text := ask(t, method, c.desk+path, "", body)
	if status >= 300 {
		t.Fatalf("%s %s: %d %s", method, path, status, text)
	}
	return text
}

// resubmission asks the desk for one.
func (c *cluster) resubmission(t *testing.T, name string) (r Resubmission) {
	t.Helper()
	if err := json.Unmarshal([]byte(c.decide(t, http.MethodGet, "/api/resubmissions/"+name, "")), &r); err != nil {
		t.Fatal(err)
	}
	return r
}

// await waits until a condition holds.
func await(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.After(time.Minute)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-deadline:
			t.Fatalf("%s: not within a minute", what)
		case <-tick.C:
		}
	}
}

// paid is what is booked of an account.
func (c *cluster) paid(t *testing.T, account string) (payments, cents int64) {
	t.Helper()
	payments, cents, err := ledger{c.payments}.paid(t.Context(), account)
	if err != nil {
		t.Fatal(err)
	}
	return payments, cents
}

func (c *cluster) awaitPaid(t *testing.T, account string, payments int64) {
	t.Helper()
	await(t, fmt.Sprintf("%d payments of %s", payments, account), func() bool { n, _ := c.paid(t, account); return n == payments })
}

// kept are the letters of the quarantine.
func (c *cluster) kept(t *testing.T) (all []*Letter) {
	t.Helper()
	if err := (vault{c.letters}).each(t.Context(), "", func(l *Letter) bool { all = append(all, l); return true }); err != nil {
		t.Fatal(err)
	}
	return all
}

func (c *cluster) awaitLetters(t *testing.T, n int) []*Letter {
	t.Helper()
	await(t, fmt.Sprintf("%d letters", n), func() bool { return len(c.kept(t)) == n })
	return c.kept(t)
}

// send puts a message into a queue that did not come through the producer.
func (c *cluster) send(t *testing.T, queue string, m *azservicebus.Message) error {
	t.Helper()
	sender, err := c.process.Client.NewSender(queue, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer sender.Close(t.Context())
	return sender.SendMessage(t.Context(), m, nil)
}
