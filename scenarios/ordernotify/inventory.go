package ordernotify

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/provingground/provingground/pkg/sqsconsumer"
	"github.com/provingground/provingground/pkg/traces"
)

// inventory decides on each placed order once: the decision's row, the change of
// the stock and the event that tells of it commit together.
type inventory struct {
	db      *pgxpool.Pool
	traces  *traces.Provider
	metrics *metrics
}

// handle handles one message of the inventory's queue.
func (i *inventory) handle(ctx context.Context, m sqsconsumer.Message) error {
	e, err := parse(m.Body, orderPlaced)
	if err != nil {
		return sqsconsumer.Permanent(err)
	}
	result := "repeated"
	err = pgx.BeginFunc(ctx, i.db, func(tx pgx.Tx) error {
		var err error
		result, err = i.decide(ctx, tx, e)
		return err
	})
	if away(err) {
		return sqsconsumer.Unavailable(err)
	}
	if err != nil {
		return err
	}
	i.metrics.decisions.WithLabelValues(result).Inc()
	return nil
}

// decide leaves a repeated message without effect: the row of the first one is
// there, or a transaction that is about to write it holds its place.
func (i *inventory) decide(ctx context.Context, tx pgx.Tx, e event) (result string, err error) {
	fresh, err := tx.Exec(ctx, "INSERT INTO decisions (order_id, confirmed) VALUES ($1, true) ON CONFLICT DO NOTHING", e.Subject)
	if err != nil {
		return "", fmt.Errorf("decide on %s: %w", e.Subject, err)
	}
	if fresh.RowsAffected() == 0 {
		return "repeated", nil
	}
	// From here a popular product's row is locked: little may follow.
	taken, err := tx.Exec(ctx, "UPDATE products SET stock = stock - $2 WHERE id = $1 AND stock >= $2", e.Data.Product, e.Data.Quantity)
	if err != nil {
		return "", fmt.Errorf("decide on %s: %w", e.Subject, err)
	}
	kind := orderConfirmed
	var b pgx.Batch
	if taken.RowsAffected() == 0 {
		kind = orderOutOfStock
		b.Queue("UPDATE decisions SET confirmed = false WHERE order_id = $1", e.Subject)
	}
	told, err := message(kind, e.Subject, e.Data)
	if err != nil {
		return "", err
	}
	told.Attributes = i.traces.Carry(ctx)
	inventoryEvents().Queue(&b, told)
	if err := tx.SendBatch(ctx, &b).Close(); err != nil {
		return "", fmt.Errorf("decide on %s: %w", e.Subject, err)
	}
	return kind, nil
}
