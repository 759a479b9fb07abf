package outbox

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// A Relay moves rows from a table to wherever Publish sends them. Publish is
// called with at most Batch messages in the order of their sequence. It returns
// one error for each of them, or nil for all, and an error of its own when the
// receiver is away: then no message has failed, and the relay backs off.
type Relay struct {
	Pool    *pgxpool.Pool
	Table   Table
	Publish func(ctx context.Context, batch []Message) (failed []error, err error)

	Batch int // default 100
	// Idle is the pause after an empty batch; default 50 ms. It is polling, for
	// NOTIFY takes a lock of the whole database at each commit.
	Idle time.Duration
	// Lease is how long a relay may hold rows; default 10 s. A relay that stood
	// still for longer finds its transaction ended by the server, which gave its
	// rows to others: what it published it cannot mark.
	Lease time.Duration
	// OnError is told of everything that made the relay back off; may be nil.
	OnError func(error)
}

// backoff of a message that failed: 1 s, 2 s, 4 s … 5 min. A message is never
// given up: a row that cannot be published shows in its attempts and last_error.
const (
	firstRetry = time.Second
	lastRetry  = 5 * time.Minute
)

// Run relays until ctx ends, and returns when the batch under way is done. Errors
// go to OnError, for a relay has nothing better to do than to try again.
func (r *Relay) Run(ctx context.Context) {
	pause := r.idle()
	for ctx.Err() == nil {
		n, err := r.Once(ctx)
		switch {
		case err != nil && ctx.Err() == nil:
			pause = min(2*pause, lastPause)
			if r.OnError != nil {
				r.OnError(err)
			}
		case n == 0:
			pause = r.idle()
		default:
			pause = r.idle()
			continue
		}
		wait(ctx, pause/2+rand.N(pause))
	}
}

// lastPause bounds the back-off of a relay whose receiver or database is away.
const lastPause = 2 * time.Second

func wait(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

func (r *Relay) idle() time.Duration {
	if r.Idle <= 0 {
		return 50 * time.Millisecond
	}
	return r.Idle
}

func (r *Relay) lease() time.Duration {
	if r.Lease <= 0 {
		return 10 * time.Second
	}
	return r.Lease
}

// Once relays one batch and returns how many rows it took. The batch is finished
// even if ctx ends meanwhile, within the lease.
func (r *Relay) Once(ctx context.Context) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.lease())
	defer cancel()
	n := 0
	err := pgx.BeginFunc(ctx, r.Pool, func(tx pgx.Tx) error {
		batch, seqs, err := r.claim(ctx, tx)
		if err != nil || len(batch) == 0 {
			return err
		}
		n = len(batch)
		failed, err := r.Publish(ctx, batch)
		if err != nil {
			return err
		}
		if len(failed) != 0 && len(failed) != len(batch) {
			return fmt.Errorf("publish returned %d errors for %d messages", len(failed), len(batch))
		}
		return r.mark(ctx, tx, seqs, failed)
	})
	if err != nil {
		return n, fmt.Errorf("outbox: relay: %w", err)
	}
	return n, nil
}

// claim locks the next rows. The server ends the transaction of a relay that is
// silent for longer than the lease.
func (r *Relay) claim(ctx context.Context, tx pgx.Tx) (batch []Message, seqs []int64, err error) {
	limit := r.Batch
	if limit <= 0 {
		limit = 100
	}
	var b pgx.Batch
	b.Queue(fmt.Sprintf("SET LOCAL idle_in_transaction_session_timeout = %d", r.lease().Milliseconds()))
	b.Queue(`
SELECT seq, id, kind, key, body, created_at, attempts, attributes FROM `+r.Table.Name+`
WHERE published_at IS NULL AND (retry_at IS NULL OR retry_at <= now())
ORDER BY seq LIMIT $1 FOR UPDATE SKIP LOCKED`, limit)
	results := tx.SendBatch(ctx, &b)
	defer func() { err = errors.Join(err, results.Close()) }()
	if _, err := results.Exec(); err != nil {
		return nil, nil, err
	}
	rows, err := results.Query()
	if err != nil {
		return nil, nil, err
	}
	var seq int64
	var m Message
	_, err = pgx.ForEachRow(rows, []any{&seq, &m.ID, &m.Kind, &m.Key, &m.Body, &m.Created, &m.Attempts, &m.Attributes}, func() error {
		batch, seqs = append(batch, m), append(seqs, seq)
		m.Body, m.Attributes = nil, nil // the next row gets memory of its own
		return nil
	})
	return batch, seqs, err
}

// mark ends the rows that went out and puts off the others.
func (r *Relay) mark(ctx context.Context, tx pgx.Tx, seqs []int64, failed []error) error {
	done := seqs
	var b pgx.Batch
	if len(failed) > 0 {
		done = nil
		for i, err := range failed {
			if err == nil {
				done = append(done, seqs[i])
				continue
			}
			b.Queue(`UPDATE `+r.Table.Name+` SET attempts = attempts + 1, last_error = $2,
	retry_at = now() + make_interval(secs => least($3 * 2.0 ^ least(attempts, 30), $4)) WHERE seq = $1`,
				seqs[i], shortened(err), firstRetry.Seconds(), lastRetry.Seconds())
		}
	}
	b.Queue(`UPDATE `+r.Table.Name+` SET published_at = now() WHERE seq = ANY($1)`, done)
	return tx.SendBatch(ctx, &b).Close()
}

func shortened(err error) string {
	const most = 500
	s := err.Error()
	return s[:min(len(s), most)]
}
