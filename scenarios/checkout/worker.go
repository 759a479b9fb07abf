package checkout

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/errgroup"

	"github.com/provingground/provingground/pkg/sqsconsumer"
)

// worker sells queued carts, and settles the orders that were left pending: their
// environment died, or the provider did not answer.
type worker struct {
	service *Service
	db      *pgxpool.Pool
	metrics *metrics
	log     *slog.Logger
}

// handle sells one queued cart. What a shopper would be told at once is kept in the
// order, where the status shows it.
func (w *worker) handle(ctx context.Context, m sqsconsumer.Message) error {
	var c Cart
	if err := json.Unmarshal([]byte(m.Body), &c); err != nil || c.Customer == "" || c.Key == "" || len(c.Items) == 0 {
		return sqsconsumer.Permanent(fmt.Errorf("message %s holds no cart", m.ID))
	}
	_, _, err := w.service.Sell(ctx, c)
	switch {
	case errors.Is(err, ErrUnknownProduct), errors.Is(err, ErrOutOfStock):
		return away(w.service.orders.reject(ctx, c, err.Error()))
	case errors.Is(err, ErrReused):
		return nil // the order of that key is there, and it is another cart's
	}
	return away(err) // an order that is placed and still pending is recover's
}

// away marks an error as the database's being away: the message has not failed.
func away(err error) error {
	if err == nil {
		return nil
	}
	return sqsconsumer.Unavailable(err)
}

const (
	recoverEvery = time.Second
	recoverBatch = 200
	recoverWidth = 20
)

// recover settles what is pending for longer than a request may take, again and
// again until ctx ends. Two workers may do so at once: the provider has one word, and
// one of them records it.
func (w *worker) recover(ctx context.Context) {
	tick := time.NewTicker(recoverEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := w.settleLeft(ctx); err != nil && ctx.Err() == nil {
			w.log.Warn("settle pending orders", "error", err)
		}
	}
}

// settleLeft takes up everything that is left, batch after batch: orders for which
// the provider has no word do not keep the rest from theirs.
func (w *worker) settleLeft(ctx context.Context) error {
	var last leftOrder
	for seen := 0; ; {
		left, err := w.left(ctx, last)
		if err != nil {
			return err
		}
		seen += len(left)
		w.metrics.pending.Set(float64(seen))
		w.settleAll(ctx, left)
		if len(left) < recoverBatch || ctx.Err() != nil {
			return nil
		}
		last = left[len(left)-1]
	}
}

func (w *worker) settleAll(ctx context.Context, left []leftOrder) {
	var group errgroup.Group
	group.SetLimit(recoverWidth)
	for _, o := range left {
		group.Go(func() error {
			_, _, err := w.service.settle(ctx, o.Order)
			w.metrics.settled(err)
			if err != nil {
				w.log.Warn("order stays pending", "order", o.ID, "error", err)
			}
			return nil
		})
	}
	group.Wait() // none returns an error
}

// leftOrder is an order that was left pending.
type leftOrder struct {
	Order
	placed time.Time
}

// left returns the next orders that have been pending for longer than grace, in the
// order in which they were placed.
func (w *worker) left(ctx context.Context, after leftOrder) (all []leftOrder, err error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	id := after.ID
	if id == "" {
		id = uuid.Nil.String()
	}
	rows, err := w.db.Query(ctx, pendingSQL, grace.Seconds(), after.placed, id, recoverBatch)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		o := leftOrder{Order: Order{State: Pending}}
		if err := rows.Scan(&o.ID, &o.placed, &o.Total); err != nil {
			return nil, err
		}
		all = append(all, o)
	}
	return all, rows.Err()
}

// consumer of the queue. The template's maxReceiveCount is far above MaxReceives: it
// is for messages that kill.
func (w *worker) consumer(q sqsconsumer.Queue, visibility time.Duration) *sqsconsumer.Consumer {
	return &sqsconsumer.Consumer{
		Client: q.Client, QueueURL: q.URL, DeadLetterURL: q.DeadLetterURL, Handle: w.handle, Probe: w.db.Ping,
		Workers: 3, Visibility: visibility, Wait: 2 * time.Second, MaxReceives: 5, Grace: 5 * time.Second,
		Observe: func(m sqsconsumer.Message, o sqsconsumer.Outcome, err error) {
			w.metrics.messages.WithLabelValues(string(o)).Inc()
			if err != nil {
				w.log.Warn("message", "id", m.ID, "receives", m.Receives, "outcome", string(o), "error", err)
			}
		},
	}
}
