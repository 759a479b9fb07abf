//go:build unix

package checkout

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/provingground/provingground/deploy/local/provision"
	"github.com/provingground/provingground/deploy/local/server"
	"github.com/provingground/provingground/deploy/local/server/servertest"
	"github.com/provingground/provingground/pkg/sqsconsumer"
)

const cartsQueue = "checkout-carts"

// cluster is the servers, the provider and the roles in this process. The service
// reaches the database through the pooler, the test past it.
type cluster struct {
	servers  *server.Set
	settings Settings
	provider *Provider
	service  *Service
	shop     *httptest.Server
	direct   *pgx.Conn
	worker   *worker
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	c := &cluster{servers: servertest.Start(t, "aws", "postgres", "pgbouncer"), provider: NewProvider()}
	c.provider.manners = Manners{MedianMS: 1, P99MS: 2}
	payments := httptest.NewServer(c.provider.Public())
	t.Cleanup(payments.Close)
	address, err := url.Parse(payments.URL)
	if err != nil {
		t.Fatal(err)
	}
	database := servertest.Database(t, c.servers)
	if err := Prepare(t.Context(), database); err != nil {
		t.Fatal(err)
	}
	if c.direct, err = pgx.Connect(t.Context(), database); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.direct.Close(context.WithoutCancel(t.Context())) })
	c.settings = Settings{DB: c.pooled(t, database), Payments: address, SQS: c.queue(t), Queue: cartsQueue, Log: slog.New(slog.NewJSONHandler(t.Output(), nil))}
	c.service = newService(c.settings)
	c.worker = &worker{service: c.service, db: c.settings.DB, metrics: newMetrics(), log: c.settings.Log}
	c.shop = httptest.NewServer(Handler(c.settings))
	t.Cleanup(c.shop.Close)
	return c
}

// pooled opens the test's database through the pooler.
func (c *cluster) pooled(t *testing.T, database string) *pgxpool.Pool {
	t.Helper()
	own, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	pooler, err := url.Parse(c.servers.Env()["PGBOUNCER_URL"])
	if err != nil {
		t.Fatal(err)
	}
	pooler.Path = own.Path
	db, err := OpenDatabase(t.Context(), pooler.String(), "", 10)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	return db
}

func (c *cluster) queue(t *testing.T) *sqs.Client {
	t.Helper()
	env := c.servers.Env()
	template, err := os.ReadFile("../../deploy/aws/checkout.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := provision.Apply(t.Context(), env, "checkout", string(template)); err != nil {
		t.Fatal(err)
	}
	return sqs.New(sqs.Options{
		Region: env["AWS_REGION"], BaseEndpoint: aws.String(env["AWS_ENDPOINT_URL_SQS"]),
		Credentials: credentials.NewStaticCredentialsProvider(env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"], ""),
	})
}

// post sends a cart as it is.
func post(t *testing.T, shop *httptest.Server, path, key, body string) (int, Order) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, shop.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
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
	var o Order
	if resp.StatusCode < 300 {
		if err := json.Unmarshal(raw, &o); err != nil {
			t.Fatalf("answer %q: %v", raw, err)
		}
	}
	return resp.StatusCode, o
}

// buy posts a cart of products, one of each.
func (c *cluster) buy(t *testing.T, key string, products ...string) (int, Order) {
	t.Helper()
	var items []Item
	for _, p := range products {
		items = append(items, Item{p, 1})
	}
	raw, err := json.Marshal(map[string]any{"customer": "ada", "items": items})
	if err != nil {
		t.Fatal(err)
	}
	return post(t, c.shop, "/api/checkouts", key, string(raw))
}

func (c *cluster) product(t *testing.T, id string, price, stock int) {
	t.Helper()
	c.exec(t, "INSERT INTO checkout.products (id, price, stock) VALUES ($1, $2, $3)", id, price, stock)
}

func (c *cluster) exec(t *testing.T, sql string, args ...any) {
	t.Helper()
	if _, err := c.direct.Exec(t.Context(), sql, args...); err != nil {
		t.Fatal(err)
	}
}

func (c *cluster) number(t *testing.T, sql string, args ...any) (n int) {
	t.Helper()
	if err := c.direct.QueryRow(t.Context(), sql, args...).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func (c *cluster) stock(t *testing.T, id string) int {
	t.Helper()
	return c.number(t, "SELECT stock FROM checkout.products WHERE id = $1", id)
}

// state looks past the service.
func (c *cluster) state(t *testing.T, id string) (state State) {
	t.Helper()
	if err := c.direct.QueryRow(t.Context(), "SELECT coalesce((SELECT state FROM checkout.orders WHERE id = $1::uuid), '')", id).Scan(&state); err != nil {
		t.Fatal(err)
	}
	return state
}

// spoil makes the provider know a customer's orders by another amount, so that it
// refuses to say anything about them.
func (c *cluster) spoil(t *testing.T, customer string) {
	t.Helper()
	rows, err := c.direct.Query(t.Context(), "SELECT id::text FROM checkout.orders WHERE customer = $1", customer)
	if err != nil {
		t.Fatal(err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	c.provider.mu.Lock()
	defer c.provider.mu.Unlock()
	for _, id := range ids {
		c.provider.charges[id] = &Charge{ID: "ch_" + id, Key: id, Order: id, Amount: 1, Status: "captured"}
	}
}

func (c *cluster) behave(m Manners) {
	c.provider.mu.Lock()
	defer c.provider.mu.Unlock()
	c.provider.manners = m
}

// leave makes all pending orders old enough to be taken for left alone.
func (c *cluster) leave(t *testing.T) {
	t.Helper()
	c.exec(t, "UPDATE checkout.orders SET placed_at = placed_at - interval '1 hour' WHERE state = 'pending'")
	if err := c.worker.settleLeft(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// work runs a worker's consumer until ok.
func (c *cluster) work(t *testing.T, what string, ok func() bool) {
	t.Helper()
	q, err := sqsconsumer.FindQueue(t.Context(), c.settings.SQS, cartsQueue)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- c.worker.consumer(q, 2*time.Second).Run(ctx) }()
	eventually(t, what, ok)
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("still not so: %s", what)
		}
	}
}
