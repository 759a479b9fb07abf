package checkout

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/jackc/pgx/v5"
)

// effects are what became of the carts, where it happened.
type effects struct {
	orders    map[string]int    // rows of each customer, but those of the comparison
	states    map[string]string // by order
	amounts   map[string]int64  // by order: what its lines come to
	pending   int
	missing   []string         // products whose stock is not what the orders left
	captured  map[string]int   // charges that the provider captured, by order
	charged   map[string]int64 // their amounts, by order
	strangers []string         // captured charges of no order, but those that the system as it was left
}

// look reads what the run has left so far.
func (d *Driver) look(ctx context.Context) (*effects, error) {
	e := &effects{orders: map[string]int{}, states: map[string]string{}, amounts: map[string]int64{}, captured: map[string]int{}, charged: map[string]int64{}}
	db, err := pgx.Connect(ctx, d.setup.Env()["DATABASE_URL"])
	if err != nil {
		return nil, fmt.Errorf("look for effects: %w", err)
	}
	defer db.Close(ctx)
	if err := d.rows(ctx, db, e); err != nil {
		return nil, fmt.Errorf("look for effects: %w", err)
	}
	if err := d.charges(ctx, e); err != nil {
		return nil, fmt.Errorf("look for charges: %w", err)
	}
	return e, nil
}

func (d *Driver) rows(ctx context.Context, db *pgx.Conn, e *effects) error {
	var id, customer, state, product string
	var amount int64
	err := each(ctx, db, `SELECT o.id::text, o.customer, o.state, coalesce(sum(l.quantity::bigint * l.price), 0)::bigint
FROM checkout.orders o LEFT JOIN checkout.order_lines l ON l.order_id = o.id GROUP BY o.id`, []any{&id, &customer, &state, &amount}, func() {
		if !strings.HasPrefix(customer, "c"+d.run+"-compare-") {
			e.orders[customer]++
		}
		e.states[id], e.amounts[id] = state, amount
		if state == "pending" {
			e.pending++
		}
	})
	if err != nil {
		return err
	}
	var stock, want int64
	return each(ctx, db, `SELECT p.id, p.stock, $2 - coalesce((SELECT sum(l.quantity) FROM checkout.order_lines l JOIN checkout.orders o ON o.id = l.order_id
WHERE l.product = p.id AND o.state <> 'refused'), 0) FROM checkout.products p WHERE p.id LIKE $1`, []any{&product, &stock, &want}, func() {
		if stock != want {
			e.missing = append(e.missing, fmt.Sprintf("product %s has a stock of %d, its orders leave %d", product, stock, want))
		}
	}, "r"+d.run+"-%", plentyStock)
}

// charges asks the stand-in what it captured.
func (d *Driver) charges(ctx context.Context, e *effects) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, d.setup.AdminURLs("payments")[0]+"/admin/charges", nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	var all []struct {
		Order, Status string
		Amount        int64
	}
	if err := json.NewDecoder(resp.Body).Decode(&all); err != nil {
		return err
	}
	for _, c := range all {
		if c.Status != "captured" {
			continue
		}
		e.captured[c.Order]++
		e.charged[c.Order] += c.Amount
		if _, known := e.states[c.Order]; !known && !d.lost[c.Order] {
			e.strangers = append(e.strangers, c.Order)
		}
	}
	return nil
}

func each(ctx context.Context, db *pgx.Conn, sql string, into []any, do func(), args ...any) error {
	found, err := db.Query(ctx, sql, args...)
	if err != nil {
		return err
	}
	_, err = pgx.ForEachRow(found, into, func() error { do(); return nil })
	return err
}
