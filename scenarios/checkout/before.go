package checkout

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/provingground/provingground/pkg/problem"
)

// before is the service as the question found it: every environment has a connection
// of its own to the database, opened by its first request and kept, and a
// transaction stays open while the provider is asked. It writes the same rows.
type before struct {
	db       *pgxpool.Pool // of one connection
	payments *payments
}

// sell is one transaction around everything.
func (b *before) sell(ctx context.Context, c Cart) (o Order, paying time.Duration, err error) {
	tx, err := b.db.Begin(ctx)
	if err != nil {
		return Order{}, 0, fmt.Errorf("%w: %w", problem.New(http.StatusInternalServerError, "internal", "Internal error", "No connection to the database."), err)
	}
	defer tx.Rollback(context.WithoutCancel(ctx)) // after a commit it does nothing
	rows := &orders{tx}
	if o, err = rows.place(ctx, c); err != nil || o.State != Pending {
		return o, 0, err
	}
	began := time.Now()
	charge, err := b.payments.charge(ctx, o.ID, o.Total)
	paying = time.Since(began)
	if errors.Is(err, errDeclined) {
		o.State, o.Reason = Refused, err.Error()
		return o, paying, nil // rolled back: nothing is there
	}
	if err != nil {
		return Order{}, paying, err
	}
	if err := rows.paid(ctx, o.ID, charge); err != nil {
		return Order{}, paying, err
	}
	o.State = Paid
	return o, paying, tx.Commit(ctx)
}

// BeforeHandler is the handler of the system as the question found it.
func BeforeHandler(s Settings) http.Handler {
	b := &before{s.DB, newPayments(s.Payments)}
	return (&api{log: s.Log, sell: b.sell}).handler("/api/checkouts")
}
