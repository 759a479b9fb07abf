//go:build unix

package ordernotify

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/provingground/provingground/deploy/local/server/servertest"
	"github.com/provingground/provingground/pkg/idempotency/idempotencytest"
)

// newAPIs is two api processes over one database, with nothing behind it.
func newAPIs(t *testing.T) (*cluster, []string) {
	t.Helper()
	c := &cluster{servers: servertest.Start(t, "postgres"), log: logTo(t)}
	c.db = openDatabase(t, servertest.Database(t, c.servers))
	if err := prepare(t.Context(), c.db); err != nil {
		t.Fatal(err)
	}
	var urls []string
	for range 2 {
		c.http = httptest.NewServer(newAPI(c.service(c.db), newMetrics(), 1e6))
		t.Cleanup(c.http.Close)
		urls = append(urls, c.http.URL)
	}
	return c, urls
}

func TestPlacingAnOrderIsIdempotent(t *testing.T) {
	c, urls := newAPIs(t)
	idempotencytest.Run(t, idempotencytest.Suite{
		URLs:        urls,
		Method:      http.MethodPost,
		Path:        "/api/orders",
		ContentType: "application/json",
		Body:        `{"product":"espresso-cup","quantity":1,"email":"ada@example.com"}`,
		Other:       `{"product":"espresso-cup","quantity":2,"email":"ada@example.com"}`,
		Success:     http.StatusAccepted,
		Effects: func(ctx context.Context) (n int, err error) {
			err = c.db.QueryRow(ctx, "SELECT count(*) FROM orders").Scan(&n)
			return n, err
		},
	})
}

func TestOrderAndEventCommitTogether(t *testing.T) {
	c, _ := newAPIs(t)
	id := c.place(t, "espresso-cup", 1)
	c.wantRows(t, 1, "SELECT count(*) FROM orders o JOIN order_events e ON e.key = o.id WHERE o.id = '"+id+"'")
	c.wantRows(t, 1, "SELECT count(*) FROM idempotency_keys")
	if o := c.find(t, id); o.Status != Received || o.Quantity != 1 || o.Product != "espresso-cup" || len(o.Mails) != 0 {
		t.Errorf("order = %+v, want it received", o)
	}
}

func (c *cluster) wantRows(t *testing.T, want int, query string) {
	t.Helper()
	var n int
	if err := c.db.QueryRow(t.Context(), query).Scan(&n); err != nil {
		t.Fatal(err)
	}
	if n != want {
		t.Errorf("%s: %d, want %d", query, n, want)
	}
}

func TestBadOrdersAreRefusedAndLeaveNothing(t *testing.T) {
	c, _ := newAPIs(t)
	jsonType := map[string]string{"Content-Type": "application/json"}
	order := func(product, quantity, email string) string {
		return fmt.Sprintf(`{"product":%s,"quantity":%s,"email":%s}`, product, quantity, email)
	}
	const cup, ada = `"espresso-cup"`, `"ada@example.com"`
	for _, tt := range []struct {
		name, body string
		header     map[string]string
		want       int
	}{
		{"malformed JSON", `{"product":`, jsonType, 400},
		{"no body", ``, jsonType, 400},
		{"two orders", order(cup, "1", ada) + order(cup, "1", ada), jsonType, 400},
		{"unknown field", `{"product":"espresso-cup","quantity":1,"email":"ada@example.com","price":0}`, jsonType, 400},
		{"zero", order(cup, "0", ada), jsonType, 400},
		{"negative", order(cup, "-1", ada), jsonType, 400},
		{"too many", order(cup, "101", ada), jsonType, 400},
		{"half a piece", order(cup, "0.5", ada), jsonType, 400},
		{"beyond any integer", order(cup, "99999999999999999999", ada), jsonType, 400},
		{"quantity as text", order(cup, `"1"`, ada), jsonType, 400},
		{"unknown product", order(`"no-such-product"`, "1", ada), jsonType, 422},
		{"product that is no name", order(`"Robert'); DROP TABLE orders"`, "1", ada), jsonType, 400},
		{"no address", order(cup, "1", `""`), jsonType, 400},
		{"no domain", order(cup, "1", `"ada"`), jsonType, 400},
		{"two addresses", order(cup, "1", `"ada@example.com, bob@example.com"`), jsonType, 400},
		{"a name with it", order(cup, "1", `"Ada <ada@example.com>"`), jsonType, 400},
		{"a header in it", order(cup, "1", `"ada@example.com\r\nBcc: all@example.com"`), jsonType, 400},
		{"a huge address", order(cup, "1", `"`+strings.Repeat("a", 300)+`@example.com"`), jsonType, 400},
		{"huge", order(`"`+strings.Repeat("x", 5000)+`"`, "1", ada), jsonType, 413},
		{"a form", "product=x", map[string]string{"Content-Type": "application/x-www-form-urlencoded"}, 415},
		{"a short key", order(cup, "1", ada), map[string]string{"Content-Type": "application/json", "Idempotency-Key": "short"}, 400},
	} {
		a := c.call(t, "POST", "/api/orders", tt.header, tt.body)
		if a.status != tt.want || a.header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: %d %s, want %d and a problem", tt.name, a.status, a.body, tt.want)
		}
	}
	c.wantRows(t, 0, "SELECT (SELECT count(*) FROM orders) + (SELECT count(*) FROM order_events) + (SELECT count(*) FROM idempotency_keys)")
	for path, want := range map[string]int{"/api/orders/nosuch": 404, "/": 404, "/api/orders": 405} {
		if a := c.call(t, "GET", path, nil, ""); a.status != want {
			t.Errorf("GET %s: %d, want %d", path, a.status, want)
		}
	}
}

func TestWithoutTheDatabaseNothingIsAttemptedAndTheClientIsToldSo(t *testing.T) {
	c, _ := newAPIs(t)
	if err := c.servers.Get("postgres").Kill(); err != nil {
		t.Fatal(err)
	}
	const body = `{"product":"espresso-cup","quantity":1,"email":"ada@example.com"}`
	header := map[string]string{"Content-Type": "application/json", "Idempotency-Key": "key-of-an-order-in-an-outage"}
	if a := c.call(t, "POST", "/api/orders", header, body); a.status != 503 || a.header.Get("Retry-After") == "" {
		t.Errorf("order without a database: %d %s, want 503 with Retry-After", a.status, a.body)
	}
	if err := c.servers.Get("postgres").Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	eventually(t, "orders are taken again", func() bool { return c.call(t, "POST", "/api/orders", header, body).status == 202 })
	c.wantRows(t, 1, "SELECT count(*) FROM orders")
}

func TestMoreThanIsAdmittedIsRefusedAtOnce(t *testing.T) {
	c, _ := newAPIs(t)
	c.http = httptest.NewServer(newAPI(c.service(c.db), newMetrics(), 1))
	t.Cleanup(c.http.Close)
	statuses := map[int]int{}
	for range 5 {
		a := c.call(t, "GET", "/api/orders/nosuch", nil, "")
		statuses[a.status]++
		if a.status == 503 && a.header.Get("Retry-After") == "" {
			t.Error("503 without Retry-After")
		}
	}
	if statuses[404] == 0 || statuses[503] == 0 {
		t.Errorf("five requests at once: %v, want some admitted and some refused", statuses)
	}
}

func TestAdministrationNeedsItsToken(t *testing.T) {
	c, _ := newAPIs(t)
	const token = "administration token of the tests"
	a := newAPI(c.service(c.db), newMetrics(), 1e6)
	mux := http.NewServeMux()
	mux.HandleFunc("PUT /admin/products/{product}", a.setStock)
	c.http = httptest.NewServer(authorized(token, mux))
	t.Cleanup(c.http.Close)
	put := func(authorization, product, body string) int {
		return c.call(t, "PUT", "/admin/products/"+product, map[string]string{"Authorization": authorization, "Content-Type": "application/json"}, body).status
	}
	for authorization, want := range map[string]int{"": 401, "Bearer wrong": 401, token: 401, "Bearer " + token: 204} {
		if got := put(authorization, "espresso-cup", `{"stock":5}`); got != want {
			t.Errorf("authorization %q: %d, want %d", authorization, got, want)
		}
	}
	for product, body := range map[string]string{"NO": `{"stock":1}`, "a": `{"stock":-1}`, "b": `{}`, "c": `{"stock":2000000000}`} {
		if got := put("Bearer "+token, product, body); got != 400 {
			t.Errorf("product %s, %s: %d, want 400", product, body, got)
		}
	}
	c.wantStock(t, "espresso-cup", 5)
}
