//go:build unix

package orderprocessor

import (
	"context"
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

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"

	"github.com/provingground/provingground/deploy/local/provision"
	"github.com/provingground/provingground/deploy/local/server"
	"github.com/provingground/provingground/deploy/local/server/servertest"
	"github.com/provingground/provingground/pkg/servicebusproducer"
	"github.com/provingground/provingground/pkg/tablebatch"
)

const ordersQueue = "orderprocessor-orders"

// cluster is the servers with the scenario's infrastructure, an intake, and what a
// test starts of the processors in this process.
type cluster struct {
	servers *server.Set
	common  Common
	store   *store
	url     string
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	c := &cluster{servers: servertest.Start(t, "servicebus", "tables")}
	env := c.servers.Env()
	entities, err := os.ReadFile("../../deploy/azure/orderprocessor-entities.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := provision.File(t.Context(), env, "orderprocessor", "azure/orderprocessor-entities.json", string(entities)); err != nil {
		t.Fatal(err)
	}
	c.common = Common{Queue: ordersQueue, Log: slog.New(slog.NewJSONHandler(t.Output(), nil))}
	if c.common.Client, err = servicebusproducer.Open(env["SERVICEBUS_CONNECTION_STRING"]); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.common.Client.Close(context.WithoutCancel(t.Context())) })
	if c.common.Table, err = tablebatch.Open(env["TABLES_CONNECTION_STRING"], "orders"); err != nil {
		t.Fatal(err)
	}
	if err := tablebatch.Prepare(t.Context(), c.common.Table); err != nil {
		t.Fatal(err)
	}
	c.store = newStore(c.common.Table)
	q, err := servicebusproducer.New(c.common.Client, ordersQueue, maxSending)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(newIntake(q, c.store, 1e6, 1e6, newMetrics(), c.common.Log))
	t.Cleanup(srv.Close)
	c.url = srv.URL
	return c
}

// startProcessor runs one until the test or stop ends it.
func (c *cluster) startProcessor(t *testing.T) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- c.common.consumer(newStore(c.common.Table), 4, newMetrics()).Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return stop
}

func orderOf(customer string) string {
	return fmt.Sprintf(`{"customer":%q,"items":[{"sku":"cup","quantity":2,"price":450}]}`, customer)
}

// place sends an order and returns the status of the answer and its body.
func (c *cluster) place(t *testing.T, key, body string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.url+"/api/orders", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
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

// await waits until a condition holds.
func await(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.After(30 * time.Second)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-deadline:
			t.Fatalf("%s: not within 30 s", what)
		case <-tick.C:
		}
	}
}

// customer is the status as another process finds it.
func (c *cluster) customer(t *testing.T, name string) status {
	t.Helper()
	s, err := newStore(c.common.Table).status(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// letters are the dead letters of a customer: their reasons.
func (c *cluster) letters(t *testing.T) (reasons []string) {
	t.Helper()
	all, err := deadLetters(t.Context(), c.common.Client, ordersQueue)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range all {
		reasons = append(reasons, l.Customer+" "+l.Reason)
	}
	return reasons
}

// send puts a message into the queue that did not come through intake.
func (c *cluster) send(t *testing.T, session string, body string, properties map[string]any) error {
	t.Helper()
	sender, err := c.common.Client.NewSender(ordersQueue, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer sender.Close(t.Context())
	m := &azservicebus.Message{Body: []byte(body), ApplicationProperties: properties}
	if session != "" {
		m.SessionID = to.Ptr(session)
	}
	return sender.SendMessage(t.Context(), m, nil)
}
