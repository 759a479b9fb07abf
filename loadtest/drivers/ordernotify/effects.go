package ordernotify

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// effects are what became of the orders, where it happened.
type effects struct {
	orders    map[string]int       // rows of each customer of this run
	strangers map[string]int       // rows of customers that no load test has
	decided   map[string]time.Time // by order: when inventory decided
	confirmed map[string]bool
	recorded  map[string]int       // mails that the email role has on record as sent, by order
	stock     map[string]int       // by product of this run
	taken     map[string]int       // by product: the quantities of its confirmed orders
	mails     map[string][]mailing // that SES accepted, by customer
	abandoned map[string][]attempt // attempts that were taken over, by order/kind
	dead      int                  // messages on the dead-letter queues
}

// mailing is a mail in SES's mailbox.
type mailing struct {
	order, kind string
	at          time.Time
}

// look reads what the run has left in PostgreSQL so far.
func (d *Driver) look(ctx context.Context) (*effects, error) {
	db, err := pgx.Connect(ctx, d.setup.Env()["DATABASE_URL"])
	if err != nil {
		return nil, fmt.Errorf("look for effects: %w", err)
	}
	defer db.Close(ctx)
	e := &effects{
		orders: map[string]int{}, strangers: map[string]int{}, decided: map[string]time.Time{}, confirmed: map[string]bool{},
		abandoned: map[string][]attempt{}, recorded: map[string]int{}, stock: map[string]int{}, taken: map[string]int{},
	}
	if err := d.rows(ctx, db, e); err != nil {
		return nil, fmt.Errorf("look for effects: %w", err)
	}
	return e, nil
}

func (d *Driver) rows(ctx context.Context, db *pgx.Conn, e *effects) error {
	var customer, id, product, mail string
	var a attempt
	var n int
	var at time.Time
	var confirmed bool
	for _, q := range []struct {
		sql  string
		into []any
		each func()
	}{
		{
			"SELECT email, count(*) FROM ordernotify.orders GROUP BY email",
			[]any{&customer, &n},
			func() {
				if strings.HasSuffix(customer, "@"+d.run+".example") {
					e.orders[customer] = n
				} else {
					e.strangers[customer] = n
				}
			},
		},
		{
			"SELECT order_id, confirmed, decided_at FROM ordernotify.decisions",
			[]any{&id, &confirmed, &at},
			func() { e.decided[id], e.confirmed[id] = at, confirmed },
		},
		{
			"SELECT order_id, count(*) FROM ordernotify.mails WHERE state = 'sent' GROUP BY order_id",
			[]any{&id, &n},
			func() { e.recorded[id] = n },
		},
		{
			`SELECT order_id || '/' || kind, a.sender, a.claimed_at, a.answer_lost
			FROM ordernotify.mails, jsonb_to_recordset(abandoned) AS a(sender text, claimed_at timestamptz, answer_lost boolean)`,
			[]any{&mail, &a.sender, &a.claimed, &a.lost},
			func() { e.abandoned[mail] = append(e.abandoned[mail], a) },
		},
		{
			"SELECT product, sum(quantity) FROM ordernotify.orders o JOIN ordernotify.decisions d ON d.order_id = o.id WHERE d.confirmed GROUP BY product",
			[]any{&product, &n},
			func() {
				if strings.HasPrefix(product, "r"+d.run+"-") {
					e.taken[product] = n
				}
			},
		},
		{
			"SELECT id, stock FROM ordernotify.products WHERE id LIKE 'r" + d.run + "-%'",
			[]any{&product, &n},
			func() { e.stock[product] = n },
		},
	} {
		found, err := db.Query(ctx, q.sql)
		if err != nil {
			return err
		}
		if _, err := pgx.ForEachRow(found, q.into, func() error { q.each(); return nil }); err != nil {
			return err
		}
	}
	return nil
}
