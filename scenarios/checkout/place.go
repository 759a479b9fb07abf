package checkout

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// placeSQL is a whole transaction in one statement: the order, its lines at today's
// prices, and the stock, or nothing of it. Products are locked in one order, so two
// carts cannot wait for each other. A product that is unknown or withdrawn has no
// price, and a stock below zero breaks its check: both undo all.
const placeSQL = `
WITH fresh AS (
	INSERT INTO checkout.orders (id, customer, state) VALUES ($1::uuid, $2, 'pending') ON CONFLICT (id) DO NOTHING RETURNING id
), asked AS (
	SELECT a.product, a.quantity FROM unnest($3::text[], $4::integer[]) AS a (product, quantity)
), want AS (
	SELECT p.id, p.price, a.quantity FROM checkout.products p JOIN asked a ON a.product = p.id
	WHERE NOT p.withdrawn AND EXISTS (SELECT FROM fresh) ORDER BY p.id FOR UPDATE OF p
), taken AS (
	UPDATE checkout.products p SET stock = p.stock - w.quantity FROM want w WHERE p.id = w.id
), lines AS (
	INSERT INTO checkout.order_lines (order_id, product, quantity, price)
	SELECT fresh.id, a.product, a.quantity, w.price FROM fresh CROSS JOIN asked a LEFT JOIN want w ON w.id = a.product
	RETURNING quantity::bigint * price AS amount
)
SELECT (SELECT count(*) FROM fresh), (SELECT coalesce(sum(amount), 0)::bigint FROM lines)`

// findSQL is an order and its lines.
const findSQL = `
SELECT o.state, coalesce(o.reason, ''), coalesce(sum(l.quantity::bigint * l.price), 0)::bigint,
	coalesce(array_agg(l.product ORDER BY l.product) FILTER (WHERE l.product IS NOT NULL), '{}'),
	coalesce(array_agg(l.quantity ORDER BY l.product) FILTER (WHERE l.product IS NOT NULL), '{}')
FROM checkout.orders o LEFT JOIN checkout.order_lines l ON l.order_id = o.id WHERE o.id = $1::uuid GROUP BY o.id`

// querier is a pool, a connection or a transaction.
type querier interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
}

// orders are the rows. Each method is one statement, repeated while its outcome is
// unknown or it was a deadlock's victim: every one may be executed twice.
type orders struct{ db querier }

func newOrders(db *pgxpool.Pool) *orders { return &orders{db} }

// attempts of a statement, and the pause between them.
const (
	attempts = 3
	pause    = 50 * time.Millisecond
)

// place makes the cart's order, or finds the one that it was before.
func (s *orders) place(ctx context.Context, c Cart) (Order, error) {
	products, quantities := []string{}, []int32{}
	for _, i := range c.sorted() {
		products, quantities = append(products, i.Product), append(quantities, i.Quantity)
	}
	o := Order{ID: c.ID(), State: Pending}
	var fresh int
	err := s.insist(ctx, func() error {
		return s.db.QueryRow(ctx, placeSQL, o.ID, c.Customer, products, quantities).Scan(&fresh, &o.Total)
	})
	if err != nil {
		return Order{}, named(err)
	}
	if fresh == 1 {
		return o, nil
	}
	o, items, err := s.find(ctx, o.ID)
	if err != nil {
		return Order{}, err
	}
	// One that was refused from the queue has no lines.
	if len(items) > 0 && !slices.Equal(items, c.sorted()) {
		return Order{}, ErrReused
	}
	return o, nil
}

// find returns an order and what is in it, by product.
func (s *orders) find(ctx context.Context, id string) (Order, []Item, error) {
	o := Order{ID: id}
	var products []string
	var quantities []int32
	err := s.insist(ctx, func() error {
		return s.db.QueryRow(ctx, findSQL, id).Scan(&o.State, &o.Reason, &o.Total, &products, &quantities)
	})
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return Order{}, nil, ErrNotFound
	case err != nil:
		return Order{}, nil, fmt.Errorf("find order: %w", err)
	}
	items := make([]Item, len(products))
	for i := range products {
		items[i] = Item{products[i], quantities[i]}
	}
	return o, items, nil
}

// insist repeats what may be repeated.
func (s *orders) insist(ctx context.Context, try func() error) error {
	doubt := false
	for n := 1; ; n++ {
		err := try()
		if doubt && neverRan(err) {
			err = fmt.Errorf("after an attempt without an answer: %v", err) // that one may have been executed
		}
		if err == nil || n == attempts || ctx.Err() != nil || !passing(err) {
			return err
		}
		doubt = doubt || !neverRan(err)
		t := time.NewTimer(time.Duration(n) * pause)
		select {
		case <-ctx.Done():
			t.Stop()
			return err
		case <-t.C:
		}
	}
}

// passing tells an error that may be over at the next attempt: a deadlock, a server
// or pooler that went away. An answer about the data is not, and whoever waited for a
// connection in vain waits no second time.
func passing(err error) bool {
	if errors.Is(err, pgx.ErrNoRows) {
		return false
	}
	if waited(err) {
		return false
	}
	code := sqlState(err)
	return code == "" || code == "40P01" || code == "40001" || code[:2] == "08" || code[:2] == "57" || code[:2] == "53"
}

// named gives an error the name that a caller acts on.
func named(err error) error {
	switch code := sqlState(err); {
	case code == "23502", code == "23503":
		return ErrUnknownProduct
	case code == "23514":
		return ErrOutOfStock
	case neverRan(err):
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return fmt.Errorf("place order: %w", err)
}

// neverRan reports that the last attempt did not reach the database: no connection,
// none in time, or a deadlock that undid it.
func neverRan(err error) bool {
	var connect *pgconn.ConnectError
	code := sqlState(err)
	return errors.As(err, &connect) || pgconn.SafeToRetry(err) || code == "40P01" || code == "53300" || code == "57P03" || unserved(err)
}

// unserved tells PgBouncer's word that it had no connection for a client from its
// word that one broke: both are 08P01, and the latter may have executed.
func unserved(err error) bool {
	var refused *pgconn.PgError
	if !errors.As(err, &refused) || refused.Code != "08P01" {
		return false
	}
	return waited(err) || strings.HasPrefix(refused.Message, "pgbouncer cannot connect") ||
		strings.HasPrefix(refused.Message, "server login has been failing")
}

// waited tells that the pooler had no connection for as long as a client may wait.
func waited(err error) bool {
	var refused *pgconn.PgError
	return errors.As(err, &refused) && refused.Code == "08P01" && strings.HasPrefix(refused.Message, "query_wait_timeout")
}

func sqlState(err error) string {
	var refused *pgconn.PgError
	if errors.As(err, &refused) && len(refused.Code) == 5 {
		return refused.Code
	}
	return ""
}
