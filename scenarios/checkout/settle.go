package checkout

import (
	"context"
	"fmt"
	"time"
)

// Both are conditional on the order being pending: of several who have the
// provider's word, which is the same for all, one records it.
const (
	paidSQL = `UPDATE checkout.orders SET state = 'paid', charge = $2, settled_at = now() WHERE id = $1::uuid AND state = 'pending'`

	// refuseSQL gives the stock back, product by product in the order of placeSQL.
	refuseSQL = `
WITH refused AS (
	UPDATE checkout.orders SET state = 'refused', reason = $2, settled_at = now() WHERE id = $1::uuid AND state = 'pending' RETURNING id
), back AS (
	SELECT p.id, l.quantity FROM checkout.order_lines l JOIN refused r ON r.id = l.order_id JOIN checkout.products p ON p.id = l.product
	ORDER BY p.id FOR UPDATE OF p
)
UPDATE checkout.products p SET stock = p.stock + b.quantity FROM back b WHERE p.id = b.id`

	// rejectSQL keeps the reason why a queued cart became no order.
	rejectSQL = `INSERT INTO checkout.orders (id, customer, state, reason, settled_at) VALUES ($1::uuid, $2, 'refused', $3, now()) ON CONFLICT (id) DO NOTHING`

	pendingSQL = `
SELECT o.id::text, o.placed_at, (SELECT coalesce(sum(l.quantity::bigint * l.price), 0)::bigint FROM checkout.order_lines l WHERE l.order_id = o.id)
FROM checkout.orders o WHERE o.state = 'pending' AND o.placed_at < now() - make_interval(secs => $1)
	AND (o.placed_at, o.id) > ($2::timestamptz, $3::uuid) ORDER BY o.placed_at, o.id LIMIT $4`
)

func (s *orders) paid(ctx context.Context, id, charge string) error {
	return s.exec(ctx, "settle order", paidSQL, id, charge)
}

func (s *orders) refuse(ctx context.Context, id, reason string) error {
	return s.exec(ctx, "refuse order", refuseSQL, id, reason)
}

func (s *orders) reject(ctx context.Context, c Cart, reason string) error {
	return s.exec(ctx, "reject cart", rejectSQL, c.ID(), c.Customer, reason)
}

func (s *orders) exec(ctx context.Context, what, sql string, args ...any) error {
	err := s.insist(ctx, func() error { _, err := s.db.Exec(ctx, sql, args...); return err })
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// grace is how old a pending order is before a worker takes it for left alone:
// longer than a request may take.
const grace = 8 * time.Second
