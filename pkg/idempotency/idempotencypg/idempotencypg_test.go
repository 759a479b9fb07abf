//go:build unix

package idempotencypg_test

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/provingground/provingground/deploy/local/server/servertest"
	"github.com/provingground/provingground/pkg/idempotency/idempotencypg"
)

// servers are those of all tests here, each of which has its own database.
var servers = servertest.Share("postgres")

func TestMain(m *testing.M) { os.Exit(servers.Run(m)) }

type orders struct {
	pool *pgxpool.Pool
	keys idempotencypg.Table
}

func newOrders(t *testing.T) orders {
	t.Helper()
	pool, err := pgxpool.New(t.Context(), servertest.Database(t, servers.Start(t)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	o := orders{pool, idempotencypg.Table{Name: "keys", Keep: time.Hour}}
	if _, err := pool.Exec(t.Context(), o.keys.DDL()+"CREATE TABLE orders (id text PRIMARY KEY)"); err != nil {
		t.Fatal(err)
	}
	return o
}

// place makes an order once per key, and returns the order that the key stands for.
func (o orders) place(ctx context.Context, key, print, id string) (string, error) {
	answer := id
	err := pgx.BeginFunc(ctx, o.pool, func(tx pgx.Tx) error {
		first, found, err := o.keys.Claim(ctx, tx, key, print)
		if err != nil || found {
			answer = string(first)
			return err
		}
		var b pgx.Batch
		b.Queue("INSERT INTO orders (id) VALUES ($1)", id)
		o.keys.Queue(&b, key, print, []byte(id))
		return tx.SendBatch(ctx, &b).Close()
	})
	return answer, err
}

func (o orders) count(t *testing.T) (n int) {
	t.Helper()
	if err := o.pool.QueryRow(t.Context(), "SELECT count(*) FROM orders").Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestARepeatedKeyGetsTheFirstAnswerAndNoSecondEffect(t *testing.T) {
	o := newOrders(t)
	for _, id := range []string{"1", "2"} {
		if got, err := o.place(t.Context(), "the key", "print", id); err != nil || got != "1" {
			t.Errorf("place = %q, %v; want the first order", got, err)
		}
	}
	if _, err := o.place(t.Context(), "the key", "another print", "3"); !errors.Is(err, idempotencypg.ErrReused) {
		t.Errorf("another body: %v, want %v", err, idempotencypg.ErrReused)
	}
	if n := o.count(t); n != 1 {
		t.Errorf("%d orders, want 1", n)
	}
}

func TestARefusedEffectLeavesNoRecord(t *testing.T) {
	o := newOrders(t)
	if _, err := o.place(t.Context(), "first key", "print", "taken"); err != nil {
		t.Fatal(err)
	}
	if _, err := o.place(t.Context(), "second key", "print", "taken"); err == nil {
		t.Fatal("two orders have one id")
	}
	if got, err := o.place(t.Context(), "second key", "print", "free"); err != nil || got != "free" {
		t.Errorf("after a refused effect the key answers %q, %v", got, err)
	}
}

func TestWhileTheFirstAttemptRunsOthersAreToldSoWithoutWaiting(t *testing.T) {
	o := newOrders(t)
	err := pgx.BeginFunc(t.Context(), o.pool, func(tx pgx.Tx) error {
		if _, _, err := o.keys.Claim(t.Context(), tx, "the key", "print"); err != nil {
			return err
		}
		if _, err := o.place(t.Context(), "the key", "print", "2"); !errors.Is(err, idempotencypg.ErrBusy) {
			t.Errorf("a second attempt: %v, want %v", err, idempotencypg.ErrBusy)
		}
		if _, err := o.place(t.Context(), "another key", "print", "3"); err != nil {
			t.Errorf("another key: %v", err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestOfManyAtOnceOneHasTheEffect(t *testing.T) {
	o := newOrders(t)
	type result struct {
		order string
		err   error
	}
	results := make(chan result, 8)
	for i := range cap(results) {
		go func() {
			order, err := o.place(t.Context(), "the key", "print", string(rune('a'+i)))
			results <- result{order, err}
		}()
	}
	order := ""
	for range cap(results) {
		switch r := <-results; {
		case errors.Is(r.err, idempotencypg.ErrBusy):
		case r.err != nil || (order != "" && order != r.order):
			t.Errorf("place = %q, %v; another got %q", r.order, r.err, order)
		default:
			order = r.order
		}
	}
	if n := o.count(t); n != 1 || order == "" {
		t.Errorf("%d orders and answer %q, want one order and its answer", n, order)
	}
}

func TestAnExpiredRecordIsAsGoodAsNoneAndIsPurged(t *testing.T) {
	o := newOrders(t)
	if _, err := o.place(t.Context(), "the key", "print", "1"); err != nil {
		t.Fatal(err)
	}
	expire := func() {
		if _, err := o.pool.Exec(t.Context(), "UPDATE keys SET expires_at = now()"); err != nil {
			t.Fatal(err)
		}
	}
	expire()
	if got, err := o.place(t.Context(), "the key", "another print", "2"); err != nil || got != "2" {
		t.Errorf("place = %q, %v; want a new order", got, err)
	}
	if n, err := o.keys.Purge(t.Context(), o.pool, 10); err != nil || n != 0 {
		t.Errorf("purge removed %d, %v; want nothing: the record was renewed", n, err)
	}
	expire()
	if n, err := o.keys.Purge(t.Context(), o.pool, 10); err != nil || n != 1 {
		t.Errorf("purge removed %d, %v; want 1", n, err)
	}
}
