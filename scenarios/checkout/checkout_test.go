//go:build unix

package checkout

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
)

const key = "a-key-of-its-own-01"

func TestARepeatedCartIsOneOrderOneChargeAndOneStock(t *testing.T) {
	c := newCluster(t)
	c.product(t, "cup", 300, 100)
	var repeating sync.WaitGroup
	for range 8 { // at once
		repeating.Go(func() {
			if status, o := c.buy(t, key, "cup"); status != http.StatusCreated || o.State != Paid || o.Total != 300 {
				t.Errorf("cart: %d %+v, want 201, paid, 300", status, o)
			}
		})
	}
	repeating.Wait()
	if n := c.number(t, "SELECT count(*) FROM checkout.orders"); n != 1 {
		t.Errorf("%d orders, want one", n)
	}
	if charges := c.provider.all(); len(charges) != 1 || charges[0].Amount != 300 {
		t.Errorf("charges %+v, want one of 300", charges)
	}
	if n := c.stock(t, "cup"); n != 99 {
		t.Errorf("stock %d, want 99", n)
	}
}

func TestTheKeyOfAnotherCartIsRefused(t *testing.T) {
	c := newCluster(t)
	c.product(t, "cup", 300, 100)
	c.product(t, "pot", 900, 100)
	c.buy(t, key, "cup")
	if status, _ := c.buy(t, key, "cup", "pot"); status != http.StatusUnprocessableEntity {
		t.Errorf("the same key with another cart: %d, want 422", status)
	}
	if n := c.stock(t, "pot"); n != 100 {
		t.Errorf("stock %d, want 100", n)
	}
}

func TestCartsThatCannotBeAreRefusedAndLeaveNothing(t *testing.T) {
	c := newCluster(t)
	c.product(t, "cup", 300, 100)
	c.product(t, "rare", 300, 1)
	c.product(t, "gone", 300, 100)
	c.exec(t, "UPDATE checkout.products SET withdrawn = true WHERE id = 'gone'")
	many := strings.Repeat(`{"product":"cup","quantity":1},`, 21)
	for _, tt := range []struct {
		body   string
		status int
	}{
		{`{"customer":"ada","items":[]}`, 400},
		{`{"customer":"ada"}`, 400},
		{`{"customer":"","items":[{"product":"cup","quantity":1}]}`, 400},
		{`{"customer":"ada","items":[{"product":"cup","quantity":0}]}`, 400},
		{`{"customer":"ada","items":[{"product":"cup","quantity":-1}]}`, 400},
		{`{"customer":"ada","items":[{"product":"cup","quantity":101}]}`, 400},
		{`{"customer":"ada","items":[{"product":"cup","quantity":9223372036854775807}]}`, 400},
		{`{"customer":"ada","items":[{"product":"cup","quantity":1,"price":1}]}`, 400}, // the price is ours to say
		{`{"customer":"ada","total":1,"items":[{"product":"cup","quantity":1}]}`, 400},
		{`{"customer":"ada","items":[{"product":"cup","quantity":1},{"product":"cup","quantity":1}]}`, 400},
		{`{"customer":"ada","items":[` + many[:len(many)-1] + `]}`, 400},
		{`{"customer":"ada","items":[{"product":"cup","quantity":1}]}` + strings.Repeat(" ", 9<<10), 413},
		{`{"customer":"ada","items":[{"product":"cup","quantity":1},{"product":"none","quantity":1}]}`, 422},
		{`{"customer":"ada","items":[{"product":"cup","quantity":1},{"product":"gone","quantity":1}]}`, 422},
		{`{"customer":"ada","items":[{"product":"cup","quantity":1},{"product":"rare","quantity":2}]}`, 409},
		{`half`, 400},
	} {
		if status, _ := post(t, c.shop, "/api/checkouts", key, tt.body); status != tt.status {
			t.Errorf("%.100s: %d, want %d", tt.body, status, tt.status)
		}
	}
	if status, _ := post(t, c.shop, "/api/checkouts", "", `{"customer":"ada","items":[{"product":"cup","quantity":1}]}`); status != http.StatusBadRequest {
		t.Errorf("without a key: %d, want 400", status)
	}
	if n := c.number(t, "SELECT count(*) FROM checkout.orders"); n != 0 || c.stock(t, "cup") != 100 || c.stock(t, "rare") != 1 || len(c.provider.all()) != 0 {
		t.Errorf("%d orders, %d cups, %d charges are there; want 0, 100, 0", n, c.stock(t, "cup"), len(c.provider.all()))
	}
}

func TestAPriceThatChangesDoesNotChangeAnOrder(t *testing.T) {
	c := newCluster(t)
	c.product(t, "cup", 300, 100)
	c.buy(t, key, "cup")
	c.exec(t, "UPDATE checkout.products SET price = 900, withdrawn = true WHERE id = 'cup'")
	if status, o := c.buy(t, key, "cup"); status != http.StatusCreated || o.Total != 300 {
		t.Errorf("repeated after the price changed: %d %+v, want 201 and 300", status, o)
	}
}

func TestADeclinedPaymentGivesTheStockBack(t *testing.T) {
	c := newCluster(t)
	c.behave(Manners{MedianMS: 1, P99MS: 2, DeclineOneIn: 1})
	c.product(t, "cup", 300, 100)
	for range 2 {
		if status, o := c.buy(t, key, "cup"); status != http.StatusCreated || o.State != Refused {
			t.Errorf("declined: %d %+v, want 201 and refused", status, o)
		}
	}
	if n := c.stock(t, "cup"); n != 100 {
		t.Errorf("stock %d, want 100", n)
	}
}

func TestAChargeWithoutAnAnswerIsSettledOnceByAWorker(t *testing.T) {
	c := newCluster(t)
	c.behave(Manners{MedianMS: 1, P99MS: 2, Silent: 1})
	c.product(t, "cup", 300, 100)
	status, o := c.buy(t, key, "cup")
	if status != http.StatusAccepted || o.State != Pending {
		t.Fatalf("charged and not answered: %d %+v, want 202 and pending", status, o)
	}
	c.behave(Manners{MedianMS: 1, P99MS: 2})
	c.leave(t)
	if state := c.state(t, o.ID); state != Paid {
		t.Errorf("the order is %s, want paid", state)
	}
	if charges := c.provider.all(); len(charges) != 1 {
		t.Errorf("%d charges, want one", len(charges))
	}
}

func TestOrdersWithoutAWordDoNotKeepTheOthersFromTheirs(t *testing.T) {
	c := newCluster(t)
	c.product(t, "cup", 100, 1000)
	c.behave(Manners{MedianMS: 1, P99MS: 2, Away: true})
	_, o := c.buy(t, key, "cup")
	// More than a batch, older than that one, of which the provider refuses to say anything.
	c.exec(t, "INSERT INTO checkout.orders (id, customer, state, placed_at) SELECT gen_random_uuid(), 'older', 'pending', now() - interval '1 hour' FROM generate_series(1, $1)", 2*recoverBatch)
	c.spoil(t, "older")
	c.behave(Manners{MedianMS: 1, P99MS: 2})
	c.leave(t)
	if state := c.state(t, o.ID); state != Paid {
		t.Errorf("behind %d orders without a word, the order is %s, want paid", 2*recoverBatch, state)
	}
	if n := c.number(t, "SELECT count(*) FROM checkout.orders WHERE state = 'pending'"); n != 2*recoverBatch {
		t.Errorf("%d orders are pending, want %d", n, 2*recoverBatch)
	}
}

// An environment is frozen, or dies, between its two statements. Whoever comes late
// finds the provider's word on record, and changes nothing.
func TestWhoWakesUpLateChangesNothing(t *testing.T) {
	c := newCluster(t)
	c.product(t, "cup", 300, 100)
	cart := Cart{Customer: "ada", Items: []Item{{"cup", 1}}, Key: key}
	o, err := c.service.orders.place(t.Context(), cart)
	if err != nil {
		t.Fatal(err)
	}
	c.leave(t) // a worker settles it
	if err := c.service.orders.refuse(t.Context(), o.ID, "a late word"); err != nil {
		t.Fatal(err)
	}
	if _, _, err := c.service.settle(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	if state := c.state(t, o.ID); state != Paid || c.stock(t, "cup") != 99 || len(c.provider.all()) != 1 {
		t.Errorf("order %s, stock %d, %d charges; want paid, 99, 1", state, c.stock(t, "cup"), len(c.provider.all()))
	}
}

func TestCartsInOppositeOrdersDoNotDeadlock(t *testing.T) {
	c := newCluster(t)
	c.product(t, "cup", 300, 10_000)
	c.product(t, "pot", 900, 10_000)
	var buying sync.WaitGroup
	for i := range 8 {
		buying.Go(func() {
			for j := range 20 {
				products := []string{"cup", "pot"}
				if j%2 == i%2 {
					products = []string{"pot", "cup"}
				}
				if status, _ := c.buy(t, fmt.Sprintf("key-%012d-%d", i, j), products...); status != http.StatusCreated {
					t.Errorf("cart %d/%d: %d, want 201", i, j, status)
				}
			}
		})
	}
	buying.Wait()
	if n := c.number(t, "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"); n != 0 || c.stock(t, "cup") != 9840 {
		t.Errorf("%d deadlocks, %d cups; want none, 9840", n, c.stock(t, "cup"))
	}
}

func TestWithoutThePoolerCartsAreQueuedAndSoldLater(t *testing.T) {
	c := newCluster(t)
	c.product(t, "cup", 300, 1)
	pooler := c.servers.Get("pgbouncer")
	if err := pooler.Kill(); err != nil {
		t.Fatal(err)
	}
	c.settings.DB.Reset() // what is open is gone; what is opened now is refused
	status, o := c.buy(t, key, "cup")
	if status != http.StatusAccepted || o.State != Queued {
		t.Fatalf("without the pooler: %d %+v, want 202 and queued", status, o)
	}
	_, late := c.buy(t, key+"-2", "cup")
	if err := pooler.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	c.work(t, "both carts are decided on", func() bool {
		return c.state(t, o.ID) != "" && c.state(t, late.ID) != "" && c.state(t, o.ID) != Pending && c.state(t, late.ID) != Pending
	})
	if c.stock(t, "cup") != 0 || c.number(t, "SELECT count(*) FROM checkout.orders WHERE state = 'refused' AND reason = 'out of stock'") != 1 {
		t.Errorf("stock %d, order %s, the other %s; want 0, one paid and one refused", c.stock(t, "cup"), c.state(t, o.ID), c.state(t, late.ID))
	}
}

func TestTheOverflowKnowsNoDatabase(t *testing.T) {
	c := newCluster(t)
	c.product(t, "cup", 300, 100)
	s := c.settings
	s.DB, s.Payments = nil, nil
	overflow := httptest.NewServer(OverflowHandler(s))
	t.Cleanup(overflow.Close)
	const body = `{"customer":"ada","items":[{"product":"cup","quantity":1}]}`
	status, queued := post(t, overflow, "/api/queued", key, body)
	if status != http.StatusAccepted || queued.State != Queued {
		t.Fatalf("overflow: %d %+v, want 202 and queued", status, queued)
	}
	// The shopper asks once more, and the function has an environment now.
	if status, o := post(t, c.shop, "/api/checkouts", key, body); status != http.StatusCreated || o.ID != queued.ID {
		t.Errorf("sold at once: %d %+v, want 201 and the id %s", status, o, queued.ID)
	}
	messages := func() bool { return c.stock(t, "cup") == 99 }
	c.work(t, "the queued cart is taken", messages)
	if n := c.number(t, "SELECT count(*) FROM checkout.orders"); n != 1 || len(c.provider.all()) != 1 {
		t.Errorf("%d orders and %d charges, want one", n, len(c.provider.all()))
	}
}

// before keeps its connection while the provider is asked: what the question is about.
func TestTheSystemAsItWasHoldsAConnectionAcrossThePayment(t *testing.T) {
	c := newCluster(t)
	c.product(t, "cup", 300, 100)
	c.behave(Manners{MedianMS: 600_000, P99MS: 600_001})
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	was := &before{c.settings.DB, c.service.payments}
	done := make(chan struct{})
	go func() {
		defer close(done)
		was.sell(ctx, Cart{Customer: "ada", Items: []Item{{"cup", 1}}, Key: key})
	}()
	const open = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'app' AND state = 'idle in transaction'"
	eventually(t, "a transaction waits for the provider", func() bool { return c.number(t, open) == 1 })
	stop()
	<-done
	eventually(t, "it is over", func() bool { return c.number(t, open) == 0 })
	go c.service.Sell(t.Context(), Cart{Customer: "ada", Items: []Item{{"cup", 1}}, Key: key + "-2"})
	eventually(t, "the provider is asked", func() bool { return len(c.provider.all()) == 2 })
	if n := c.number(t, open); n != 0 {
		t.Errorf("%d transactions wait for the provider, want none", n)
	}
}

// 503 promises that nothing was done, so PgBouncer's two ways of saying 08P01 differ.
func TestABrokenConnectionIsNoPromise(t *testing.T) {
	for _, tt := range []struct {
		err   error
		never bool
	}{
		{&pgconn.PgError{Code: "08P01", Message: "query_wait_timeout"}, true},
		{&pgconn.PgError{Code: "08P01", Message: "server conn crashed?"}, false},
		{&pgconn.PgError{Code: "57P01", Message: "terminating connection due to administrator command"}, false},
		{&pgconn.PgError{Code: "53300", Message: "too many connections for role \"app\""}, true},
		{&pgconn.PgError{Code: "40P01", Message: "deadlock detected"}, true},
		{io.ErrUnexpectedEOF, false},
	} {
		if got := errors.Is(named(tt.err), ErrUnavailable); got != tt.never {
			t.Errorf("%v promises that nothing was done: %v, want %v", tt.err, got, tt.never)
		}
	}
}

func TestAnAttemptWithoutAnAnswerTakesThePromiseAway(t *testing.T) {
	answers := []error{io.ErrUnexpectedEOF, &pgconn.PgError{Code: "53300"}, &pgconn.PgError{Code: "53300"}}
	n := 0
	err := (&orders{}).insist(t.Context(), func() error { n++; return answers[n-1] })
	if n != 3 || err == nil || errors.Is(named(err), ErrUnavailable) {
		t.Errorf("after %d attempts, the first without an answer: %v, want no promise", n, named(err))
	}
}

func TestWhoWaitedInVainForAConnectionIsQueuedAtOnce(t *testing.T) {
	n := 0
	err := (&orders{}).insist(t.Context(), func() error { n++; return &pgconn.PgError{Code: "08P01", Message: "query_wait_timeout"} })
	if n != 1 || !errors.Is(named(err), ErrUnavailable) {
		t.Errorf("after %d attempts: %v, want one and the promise that nothing was done", n, named(err))
	}
}
