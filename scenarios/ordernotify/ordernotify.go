// Package ordernotify places orders and lets an email and the inventory follow,
// each at its own pace and whatever is down.
//
//	client ─ POST /api/orders ─▶ api ×2 ─ one transaction: order + outbox row + idempotency record ─▶ PostgreSQL
//	                                              relay ×2 ◀─ SKIP LOCKED ─┘
//	                                                 └─▶ SNS topic ─┬─▶ SQS ─▶ inventory ×2 ─ one transaction: decision + stock + outbox row
//	                                                                └─▶ SQS ─▶ email ×2 ─▶ SES (received; then confirmed or out of stock)
//	                                                     poison ─▶ a dead-letter queue behind each, with its reason
//
// Delivery is at least once everywhere. The order and the stock change once, in
// PostgreSQL; a mail may go out twice, in the cases that email.go names.
//
// Start here: Service places orders. The boxes of the diagram are files:
// relay.go, inventory.go, email.go; http.go is the public listener.
package ordernotify

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/provingground/provingground/pkg/idempotency/idempotencypg"
	"github.com/provingground/provingground/pkg/outbox"
	"github.com/provingground/provingground/pkg/traces"
)

// What a caller can act on. Everything else has an unknown outcome.
var (
	ErrNotFound       = errors.New("no such order")
	ErrUnknownProduct = errors.New("no such product")
	ErrUnavailable    = errors.New("nothing was done")
)

// A Request asks for an order.
type Request struct {
	Product  string
	Quantity int
	Email    string
	Key      string // idempotency key
	Print    string // fingerprint of the request as it came
}

// An Order is what a request became, as its owner sees it.
type Order struct {
	ID       string    `json:"id"`
	Product  string    `json:"product"`
	Quantity int       `json:"quantity"`
	Status   Status    `json:"status"`
	PlacedAt time.Time `json:"placed_at"`
	Mails    []string  `json:"mails,omitempty"` // kinds that went out
}

// Status is how far an order is.
type Status string

// The statuses of an order: received until inventory has decided.
const (
	Received   Status = "received"
	Confirmed  Status = "confirmed"
	OutOfStock Status = "out_of_stock"
)

// Service places orders and looks at them. Its methods are safe for concurrent use.
type Service struct {
	db     *pgxpool.Pool
	keys   idempotencypg.Table
	events outbox.Table
	traces *traces.Provider
	log    *slog.Logger
}

// Place makes an order, durable when it returns. Repeated with the same key and
// body it returns the same order. ErrUnavailable promises that nothing happened;
// of any error that is not named, nobody knows.
func (s *Service) Place(ctx context.Context, r Request) (Order, error) {
	tx, err := s.db.Begin(ctx)
	if err != nil {
		return Order{}, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	defer tx.Rollback(context.WithoutCancel(ctx)) // after a commit it does nothing
	answer, found, err := s.keys.Claim(ctx, tx, r.Key, r.Print)
	if err != nil {
		return Order{}, undone(err)
	}
	if found {
		return orderOf(answer)
	}
	order := Order{ID: rand.Text(), Product: r.Product, Quantity: r.Quantity, Status: Received, PlacedAt: time.Now().UTC().Truncate(time.Microsecond)}
	if err := s.write(ctx, tx, r, order); err != nil {
		return Order{}, undone(err)
	}
	if err := tx.Commit(ctx); err != nil {
		return Order{}, fmt.Errorf("commit: %w", err) // it may have been executed
	}
	return order, nil
}

// write sends the order, the event that others wait for and the record of the
// key, in one message to the server.
func (s *Service) write(ctx context.Context, tx pgx.Tx, r Request, o Order) error {
	answer, err := json.Marshal(o)
	if err != nil {
		return err
	}
	event, err := placed(o)
	if err != nil {
		return err
	}
	event.Attributes = s.traces.Carry(ctx)
	var b pgx.Batch
	b.Queue("INSERT INTO orders (id, product, quantity, email, placed_at) VALUES ($1, $2, $3, $4, $5)", o.ID, o.Product, o.Quantity, r.Email, o.PlacedAt)
	s.events.Queue(&b, event)
	s.keys.Queue(&b, r.Key, r.Print, answer)
	return tx.SendBatch(ctx, &b).Close()
}

func orderOf(answer []byte) (Order, error) {
	var o Order
	if err := json.Unmarshal(answer, &o); err != nil {
		return Order{}, fmt.Errorf("stored answer: %w", err)
	}
	return o, nil
}

// undone names an error that came before the commit was asked for: PostgreSQL
// drops what it has of the transaction.
func undone(err error) error {
	const foreignKeyViolation = "23503"
	var refused *pgconn.PgError
	switch {
	case errors.Is(err, idempotencypg.ErrBusy), errors.Is(err, idempotencypg.ErrReused):
		return err
	case errors.As(err, &refused) && refused.Code == foreignKeyViolation:
		return ErrUnknownProduct
	}
	return fmt.Errorf("%w: %w", ErrUnavailable, err)
}

// Find returns an order with what has become of it.
func (s *Service) Find(ctx context.Context, id string) (Order, error) {
	var o Order
	var confirmed *bool
	err := s.db.QueryRow(ctx, `
SELECT o.id, o.product, o.quantity, o.placed_at, d.confirmed,
	ARRAY(SELECT kind FROM mails WHERE order_id = o.id AND state = 'sent' ORDER BY sent_at)
FROM orders o LEFT JOIN decisions d ON d.order_id = o.id WHERE o.id = $1`, id).
		Scan(&o.ID, &o.Product, &o.Quantity, &o.PlacedAt, &confirmed, &o.Mails)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return Order{}, ErrNotFound
	case err != nil:
		return Order{}, fmt.Errorf("%w: %w", ErrUnavailable, err) // a read has no outcome
	case confirmed == nil:
		o.Status = Received
	case *confirmed:
		o.Status = Confirmed
	default:
		o.Status = OutOfStock
	}
	o.PlacedAt = o.PlacedAt.UTC()
	return o, nil
}

// Stock sets what there is of a product, which it makes if need be.
func (s *Service) Stock(ctx context.Context, product string, stock int) error {
	_, err := s.db.Exec(ctx, "INSERT INTO products (id, stock) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET stock = excluded.stock", product, stock)
	return err
}
