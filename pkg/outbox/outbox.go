// Package outbox publishes what a PostgreSQL transaction decided.
//
// The caller adds rows in the transaction that makes the effect, so both commit
// or neither does. A [Relay] takes committed rows with FOR UPDATE SKIP LOCKED,
// hands them to the caller's publish function in batches, and marks them in the
// same transaction. Any number of relays may run.
//
// Delivery is at least once: a relay that dies between publishing and marking
// has its rows published again. Receivers tell a repetition by [Message.ID].
//
// Order: the rows of one batch are in the order of their sequence. Nothing more
// is promised. Two relays overtake each other, a row that failed comes later,
// and a transaction that took its number first may commit last.
package outbox

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// A Message is one row.
type Message struct {
	ID       string // names it for ever; unique in the table
	Kind     string // what happened, such as "order.placed"
	Key      string // whom it is about, such as the order
	Body     []byte
	Created  time.Time // set by the database
	Attempts int       // publishes that failed so far

	// Attributes go beside the body, such as traceparent; may be nil.
	Attributes map[string]string
}

// A Table is an outbox in the caller's database. Name is an SQL identifier, with
// a schema if need be. It goes into statements as it is, so it must never come
// from outside.
type Table struct{ Name string }

// DDL returns the statements that make the table where it is missing, and add the
// column that older tables lack. An ALTER TABLE waits for every transaction of the
// table, and everybody for it, so it comes only where it is needed.
func (t Table) DDL() string {
	index := strings.ReplaceAll(t.Name, ".", "_")
	return fmt.Sprintf(`
CREATE TABLE IF NOT EXISTS %[1]s (
	seq          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	id           text NOT NULL UNIQUE,
	kind         text NOT NULL,
	key          text NOT NULL,
	body         bytea NOT NULL,
	created_at   timestamptz NOT NULL DEFAULT now(),
	attempts     integer NOT NULL DEFAULT 0,
	retry_at     timestamptz,
	last_error   text,
	published_at timestamptz,
	attributes   jsonb
);
DO $$ BEGIN
	IF NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = '%[1]s'::regclass AND attname = 'attributes' AND NOT attisdropped) THEN
		ALTER TABLE %[1]s ADD COLUMN IF NOT EXISTS attributes jsonb;
	END IF;
END $$;
CREATE INDEX IF NOT EXISTS %[2]s_waiting ON %[1]s (seq) WHERE published_at IS NULL;
CREATE INDEX IF NOT EXISTS %[2]s_published ON %[1]s (published_at) WHERE published_at IS NOT NULL;
`, t.Name, index)
}

func (t Table) insert() string {
	return "INSERT INTO " + t.Name + " (id, kind, key, body, attributes) VALUES ($1, $2, $3, $4, $5)"
}

func (m Message) values() []any { return []any{m.ID, m.Kind, m.Key, m.Body, m.Attributes} }

// Queue adds a row to a batch that the caller sends in the transaction of the effect.
func (t Table) Queue(b *pgx.Batch, m Message) { b.Queue(t.insert(), m.values()...) }

// Add adds a row in the transaction of the effect.
func (t Table) Add(ctx context.Context, tx pgx.Tx, m Message) error {
	if _, err := tx.Exec(ctx, t.insert(), m.values()...); err != nil {
		return fmt.Errorf("outbox: add %s: %w", m.ID, err)
	}
	return nil
}

// A Querier is a connection, a pool or a transaction.
type Querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// Backlog returns how many rows wait and how old the first of them is: what an
// alert should watch.
func (t Table) Backlog(ctx context.Context, db Querier) (rows int, oldest time.Duration, err error) {
	found, err := db.Query(ctx, "SELECT count(*), coalesce(extract(epoch FROM now() - min(created_at)), 0)::float8 FROM "+t.Name+" WHERE published_at IS NULL")
	if err != nil {
		return 0, 0, fmt.Errorf("outbox: backlog: %w", err)
	}
	var seconds float64
	if _, err := pgx.ForEachRow(found, []any{&rows, &seconds}, func() error { return nil }); err != nil {
		return 0, 0, fmt.Errorf("outbox: backlog: %w", err)
	}
	return rows, time.Duration(seconds * float64(time.Second)), nil
}

// Purge removes up to limit rows that were published longer ago than keep, and
// returns how many. Rows that wait are never removed.
func (t Table) Purge(ctx context.Context, db Querier, keep time.Duration, limit int) (int, error) {
	found, err := db.Query(ctx, fmt.Sprintf(`
DELETE FROM %[1]s WHERE seq IN (
	SELECT seq FROM %[1]s WHERE published_at < now() - make_interval(secs => $1)
	ORDER BY published_at LIMIT $2 FOR UPDATE SKIP LOCKED)
RETURNING seq`, t.Name), keep.Seconds(), limit)
	if err != nil {
		return 0, fmt.Errorf("outbox: purge: %w", err)
	}
	removed := 0
	var seq int64
	if _, err := pgx.ForEachRow(found, []any{&seq}, func() error { removed++; return nil }); err != nil {
		return removed, fmt.Errorf("outbox: purge: %w", err)
	}
	return removed, nil
}
