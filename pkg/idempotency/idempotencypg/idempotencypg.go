// Package idempotencypg makes a POST safe to repeat when its effect is a
// PostgreSQL transaction.
//
// The record of the key is one more row in the caller's transaction, so effect
// and record commit together or not at all. Of requests with one key that run at
// once, one goes on and the others are told to ask again, without waiting for a
// lock. Delivery stays at least once: it is the effect that happens once, in
// that database, for as long as the record is kept.
package idempotencypg

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

var (
	// ErrBusy says that another transaction with this key has not ended.
	ErrBusy = errors.New("idempotency: another attempt with this key is running")
	// ErrReused says that the key was used for another request.
	ErrReused = errors.New("idempotency: key was used with another body")
)

// A Table keeps records. Name is an SQL identifier, with a schema if need be; it
// goes into statements as it is, so it must never come from outside.
type Table struct {
	Name string
	Keep time.Duration // longer than clients retry and queues retain
}

// DDL returns the statements that make the table where it is missing.
func (t Table) DDL() string {
	return fmt.Sprintf(`
CREATE TABLE IF NOT EXISTS %[1]s (
	key         bytea PRIMARY KEY,
	fingerprint text NOT NULL,
	answer      bytea NOT NULL,
	expires_at  timestamptz NOT NULL
);
CREATE INDEX IF NOT EXISTS %[2]s_expires ON %[1]s (expires_at);
`, t.Name, indexName(t.Name))
}

func indexName(table string) string {
	name := []byte(table)
	for i, c := range name {
		if c == '.' {
			name[i] = '_'
		}
	}
	return string(name)
}

// Claim reserves the key for this transaction, which makes the effect unless
// found: then answer is what the first request was told, and there is nothing to
// do. It returns ErrBusy and ErrReused as they say. Fingerprint identifies the
// request; see idempotency.Fingerprint.
func (t Table) Claim(ctx context.Context, tx pgx.Tx, key, fingerprint string) (answer []byte, found bool, err error) {
	hash := sha256.Sum256([]byte(key))
	var b pgx.Batch
	// Taken before the record is looked up: what this key's last holder committed is seen.
	b.Queue("SELECT pg_try_advisory_xact_lock($1)", int64(binary.BigEndian.Uint64(hash[:8])))
	b.Queue("SELECT fingerprint, answer FROM "+t.Name+" WHERE key = $1 AND expires_at > now()", hash[:])
	results := tx.SendBatch(ctx, &b)
	defer results.Close()
	var free bool
	if err := results.QueryRow().Scan(&free); err != nil {
		return nil, false, fmt.Errorf("idempotency: lock: %w", err)
	}
	if !free {
		return nil, false, ErrBusy
	}
	var first string
	err = results.QueryRow().Scan(&first, &answer)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return nil, false, nil
	case err != nil:
		return nil, false, fmt.Errorf("idempotency: read record: %w", err)
	case first != fingerprint:
		return nil, false, ErrReused
	}
	return answer, true, nil
}

// Queue adds the record to a batch that the caller sends in the transaction of
// the effect, after Claim. The answer is at most a few kilobytes and holds no secret.
func (t Table) Queue(b *pgx.Batch, key, fingerprint string, answer []byte) {
	hash := sha256.Sum256([]byte(key))
	b.Queue(`
INSERT INTO `+t.Name+` AS r (key, fingerprint, answer, expires_at) VALUES ($1, $2, $3, now() + make_interval(secs => $4))
ON CONFLICT (key) DO UPDATE SET fingerprint = $2, answer = $3, expires_at = excluded.expires_at WHERE r.expires_at <= now()`,
		hash[:], fingerprint, answer, t.Keep.Seconds())
}

// A Querier is a connection, a pool or a transaction.
type Querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// Purge removes up to limit records that are over, and returns how many.
func (t Table) Purge(ctx context.Context, db Querier, limit int) (int, error) {
	found, err := db.Query(ctx, fmt.Sprintf(`
DELETE FROM %[1]s WHERE key IN (SELECT key FROM %[1]s WHERE expires_at <= now() ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED)
RETURNING key`, t.Name), limit)
	if err != nil {
		return 0, fmt.Errorf("idempotency: purge: %w", err)
	}
	removed := 0
	var key []byte
	if _, err := pgx.ForEachRow(found, []any{&key}, func() error { removed++; return nil }); err != nil {
		return removed, fmt.Errorf("idempotency: purge: %w", err)
	}
	return removed, nil
}
