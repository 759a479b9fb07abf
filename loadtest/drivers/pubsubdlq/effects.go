package pubsubdlq

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// effects are what became of the events, where it happened.
type effects struct {
	charges  map[string]int       // rows of each event of the load
	charged  map[string]time.Time // when
	others   map[string]int       // rows of events that no load test has
	letters  map[string][]letter  // shown by the tool, by event
	balances []string             // accounts whose balance is not the sum of their charges
	audited  int                  // lines of audit
	most     int                  // deliveries of the charge that took most
}

// letter is a row of the tool.
type letter struct {
	reason, state string
	failures      int
}

// look reads what the run has left in PostgreSQL so far.
func (d *Driver) look(ctx context.Context) (*effects, error) {
	db, err := pgx.Connect(ctx, d.setup.Env()["DATABASE_URL"])
	if err != nil {
		return nil, fmt.Errorf("look for effects: %w", err)
	}
	defer db.Close(ctx)
	e := &effects{charges: map[string]int{}, charged: map[string]time.Time{}, others: map[string]int{}, letters: map[string][]letter{}}
	if err := d.rows(ctx, db, e); err != nil {
		return nil, fmt.Errorf("look for effects: %w", err)
	}
	return e, nil
}

func (d *Driver) rows(ctx context.Context, db *pgx.Conn, e *effects) error {
	var id string
	var n, most int
	var at time.Time
	err := each(ctx, db, "SELECT event, count(*), min(charged_at), max(deliveries) FROM pubsubdlq.charges GROUP BY event", []any{&id, &n, &at, &most}, func() {
		switch {
		case strings.HasPrefix(id, d.run+"-event-"):
			e.charges[id], e.charged[id], e.most = n, at, max(e.most, most)
		case !strings.HasPrefix(id, d.run+"-compare-") || n > 1:
			e.others[id] = n
		}
	})
	if err != nil {
		return err
	}
	var l letter
	err = each(ctx, db, "SELECT event, reason, state, failures FROM pubsubdlq.dead_letters", []any{&id, &l.reason, &l.state, &l.failures}, func() {
		if !strings.HasPrefix(id, d.run+"-compare-") {
			e.letters[id] = append(e.letters[id], l)
		}
	})
	if err != nil {
		return err
	}
	err = each(ctx, db, `SELECT a.id FROM pubsubdlq.accounts a LEFT JOIN pubsubdlq.charges c ON c.account = a.id
GROUP BY a.id, a.balance HAVING a.balance <> coalesce(sum(c.amount), 0)`, []any{&id}, func() { e.balances = append(e.balances, id) })
	if err != nil {
		return err
	}
	return db.QueryRow(ctx, "SELECT count(*) FROM pubsubdlq.dead_letters_audit").Scan(&e.audited)
}

func each(ctx context.Context, db *pgx.Conn, sql string, into []any, do func()) error {
	found, err := db.Query(ctx, sql)
	if err != nil {
		return err
	}
	_, err = pgx.ForEachRow(found, into, func() error { do(); return nil })
	return err
}
