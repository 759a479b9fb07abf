// Package checkout sells carts on Lambda and PostgreSQL, on the worst day of the
// year, with a schema that may not be touched.
//
//	shopper ─ POST /api/checkouts ─▶ checkout (Lambda, reserved concurrency)
//	                                    │ 1 statement: order pending + lines + stock ─▶ PgBouncer (transaction mode) ─▶ PostgreSQL
//	                                    │ no connection held: charge, with the order's id as key ─▶ payments
//	                                    └ 1 statement: order paid, or refused and the stock given back
//	          429: all environments busy ─ POST /api/queued ─▶ overflow (Lambda, no database) ─▶ SQS ─┐
//	          no connection in time: checkout itself ─▶ SQS, 202 ─────────────────────────────────────┤
//	                                                                                          worker ×2: the same three steps,
//	                                                                                          and settles what stayed pending
//
// The order's primary key is a UUIDv5 of customer and key, so a repeated request
// meets its own order: no table of keys is needed. Delivery is at least once; the
// order and the stock change once in PostgreSQL; the charge is made at least once
// with the provider's idempotency key.
//
// Start here: Service sells a cart. The boxes of the diagram are files: place.go
// and settle.go are the two statements, payment.go the call between them, queue.go,
// worker.go; before.go is the system as the question found it.
package checkout

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

// What a caller can act on. Everything else has an unknown outcome.
var (
	ErrNotFound       = errors.New("no such order")
	ErrUnknownProduct = errors.New("no such product")
	ErrOutOfStock     = errors.New("out of stock")
	ErrReused         = errors.New("the key was used with another cart")
	ErrUnavailable    = errors.New("nothing was done")
)

// A Cart is what somebody wants to buy. The price is ours to say.
type Cart struct {
	Customer string `json:"customer"`
	Items    []Item `json:"items"`
	Key      string `json:"key"` // idempotency key
}

// An Item is some of a product.
type Item struct {
	Product  string `json:"product"`
	Quantity int32  `json:"quantity"`
}

// ID is the primary key of the cart's order: the same for the same customer and key.
func (c Cart) ID() string {
	space := uuid.NewSHA1(uuid.NameSpaceURL, []byte("https://provingground.dev/checkout/orders"))
	return uuid.NewSHA1(space, []byte(c.Customer+"\x00"+c.Key)).String()
}

// sorted returns the items by product.
func (c Cart) sorted() []Item {
	return slices.SortedFunc(slices.Values(c.Items), func(a, b Item) int { return strings.Compare(a.Product, b.Product) })
}

// An Order is what a cart became.
type Order struct {
	ID     string `json:"id"`
	State  State  `json:"state"`
	Total  int64  `json:"total"` // cents
	Reason string `json:"reason,omitempty"`
}

// State is how far an order is.
type State string

// The states of an order: pending until the provider's word is on record. An order
// that is queued is not in the database yet.
const (
	Queued  State = "queued"
	Pending State = "pending"
	Paid    State = "paid"
	Refused State = "refused"
)

// Service sells carts. Its methods are safe for concurrent use.
type Service struct {
	orders   *orders
	payments *payments
	log      *slog.Logger
}

// Sell places the order, charges it and settles it. It holds a connection for each
// of its statements and none between them. What it returns is durable: an order that
// is still pending is settled by a worker. An error that is not named may be of an
// order that is there: the same cart with the same key tells.
//
// Paying is how long the provider took.
func (s *Service) Sell(ctx context.Context, c Cart) (o Order, paying time.Duration, err error) {
	if o, err = s.orders.place(ctx, c); err != nil || o.State != Pending {
		return o, 0, err
	}
	settled, paying, err := s.settle(ctx, o)
	if err != nil {
		s.log.Warn("order stays pending", "order", o.ID, "error", err)
	}
	return settled, paying, nil
}

// settle asks the provider for its word and records it. The order is returned as it
// is known to be.
func (s *Service) settle(ctx context.Context, o Order) (_ Order, paying time.Duration, err error) {
	began := time.Now()
	charge, err := s.payments.charge(ctx, o.ID, o.Total)
	paying = time.Since(began)
	switch {
	case errors.Is(err, errDeclined):
		if err := s.orders.refuse(ctx, o.ID, "payment declined"); err != nil {
			return o, paying, err
		}
		o.State, o.Reason = Refused, "payment declined"
	case err != nil:
		return o, paying, err
	default:
		if err := s.orders.paid(ctx, o.ID, charge); err != nil {
			return o, paying, err
		}
		o.State = Paid
	}
	return o, paying, nil
}
