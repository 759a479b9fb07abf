// Package inbox lets a consumer of an at-least-once queue have its effect once.
//
// The consumer claims a message's id in the PostgreSQL transaction that makes the
// effect, so claim and effect commit together or not at all:
//
//	err := pgx.BeginFunc(ctx, db, func(tx pgx.Tx) error {
//		first, err := seen.Claim(ctx, tx, "mail", message.ID)
//		if err != nil || !first {
//			return err // nil: it was done before, acknowledge it
//		}
//		return effect(ctx, tx, message)
//	})
//
// Delivery stays at least once: it is the effect that happens once, in that
// database, for as long as claims are kept. What the effect sends elsewhere may
// be sent again.
//
// A second transaction that claims the same id waits for the first: when that
// commits it is told false, when that rolls back, or its process dies, it goes on
// itself. So nothing is lost between claim and commit, and a zombie whose
// connection ended has no effect. Claim is best the first statement of the
// transaction, and the transaction short.
package inbox

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// MaxID is the length of the longest id and consumer in bytes.
const MaxID = 512

// ErrBadID is returned for an id or a consumer that is empty, longer than MaxID,
// or holds a zero byte. It never turns good: the message is poison.
var ErrBadID = errors.New("inbox: bad message id or consumer")

// A Table keeps claims. Name is an SQL identifier, with a schema if need be; it
// goes into statements as it is, so it must never come from outside. Any number
// of consumers share one: each has claims of its own.
type Table struct{ Name string }

// DDL returns the statements that make the table where it is missing. Rows are
// about 100 bytes with their indexes.
func (t Table) DDL() string {
	return fmt.Sprintf(`
CREATE TABLE IF NOT EXISTS %[1]s (
	consumer   text NOT NULL,
	id         text NOT NULL,
	claimed_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (consumer, id)
);
CREATE INDEX IF NOT EXISTS %[2]s_claimed_at ON %[1]s (claimed_at);
`, t.Name, strings.ReplaceAll(t.Name, ".", "_"))
}

// Claim reports whether this transaction is the first that claims the id for the
// consumer, and so has the effect to make. It waits for a transaction that has
// claimed it and not ended; bound that with ctx or with lock_timeout.
//
// An id names a message for ever, across redeliveries and redrives: one that its
// producer made, rather than one that a broker gives each publish. Claims of
// several ids in one transaction are made in one call, see ClaimAll.
func (t Table) Claim(ctx context.Context, tx pgx.Tx, consumer, id string) (first bool, err error) {
	all, err := t.ClaimAll(ctx, tx, consumer, []string{id})
	return len(all) == 1, err
}

// ClaimAll claims several ids at once and returns those that are claimed for the
// first time, each once, in no order. The ids are claimed in their sorted order,
// so that two calls that overlap wait for each other and do not deadlock; call it
// once in a transaction.
func (t Table) ClaimAll(ctx context.Context, tx pgx.Tx, consumer string, ids []string) (first []string, err error) {
	for _, s := range append(ids[:len(ids):len(ids)], consumer) {
		if s == "" || len(s) > MaxID || strings.ContainsRune(s, 0) {
			return nil, fmt.Errorf("%w: %.40q", ErrBadID, s)
		}
	}
	found, err := tx.Query(ctx, `
INSERT INTO `+t.Name+` (consumer, id)
SELECT $1, id FROM unnest($2::text[]) AS given(id) GROUP BY id ORDER BY id
ON CONFLICT DO NOTHING RETURNING id`, consumer, ids)
	if err != nil {
		return nil, fmt.Errorf("inbox: claim: %w", err)
	}
	if first, err = pgx.CollectRows(found, pgx.RowTo[string]); err != nil {
		return nil, fmt.Errorf("inbox: claim: %w", err)
	}
	return first, nil
}

// A Querier is a connection, a pool or a transaction.
type Querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// Purge removes up to limit claims that are older than keep, and returns how
// many. Keep must be longer than anything may come again: the broker's
// retention, and that of its dead letters, together. A message that comes after
// its claim was purged has its effect a second time.
func (t Table) Purge(ctx context.Context, db Querier, keep time.Duration, limit int) (int, error) {
	found, err := db.Query(ctx, fmt.Sprintf(`
DELETE FROM %[1]s WHERE (consumer, id) IN (
	SELECT consumer, id FROM %[1]s WHERE claimed_at < now() - make_interval(secs => $1)
	ORDER BY claimed_at LIMIT $2 FOR UPDATE SKIP LOCKED)
RETURNING 1`, t.Name), keep.Seconds(), limit)
	if err != nil {
		return 0, fmt.Errorf("inbox: purge: %w", err)
	}
	removed, err := pgx.CollectRows(found, pgx.RowTo[int])
	if err != nil {
		return 0, fmt.Errorf("inbox: purge: %w", err)
	}
	return len(removed), nil
}
