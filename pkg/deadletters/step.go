package deadletters

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
)

// A redrive begins with one letter and has at most twice as many under way as its
// consumer has taken, up to mostSent.
const mostSent = 100

// window returns how many letters may be under way.
func window(taken int) int { return min(max(1, 2*taken), mostSent) }

// broken tells from the outcomes that the consumer cannot take these letters: the
// first ones died again, or more than a tenth of them.
func broken(taken, died int) bool { return died > 0 && died*10 > taken }

// Step takes each running redrive one step further: it sends what its window allows,
// ends it when nothing is left, or stops it. Send must return when the message is
// durable at the broker. It returns how many letters it sent. Other processes skip
// the redrives that this one is at.
func (t Table) Step(ctx context.Context, db DB, send func(ctx context.Context, letters []Letter) error) (sent int, err error) {
	found, err := db.Query(ctx, t.sql("SELECT name FROM @_redrives WHERE state = 'running' ORDER BY created_at LIMIT 100"))
	if err != nil {
		return 0, fmt.Errorf("deadletters: redrives: %w", err)
	}
	names, err := pgx.CollectRows(found, pgx.RowTo[string])
	if err != nil {
		return 0, fmt.Errorf("deadletters: redrives: %w", err)
	}
	var failed []error
	for _, name := range names {
		err := inTransaction(ctx, db, func(tx pgx.Tx) error {
			n, err := t.step(ctx, tx, name, send)
			sent += n
			return err
		})
		if err != nil {
			failed = append(failed, fmt.Errorf("redrive %s: %w", name, err))
		}
	}
	return sent, errors.Join(failed...)
}

func (t Table) step(ctx context.Context, tx pgx.Tx, name string, send func(context.Context, []Letter) error) (int, error) {
	var taken, died int
	err := tx.QueryRow(ctx, t.sql("SELECT taken, died FROM @_redrives WHERE name = $1 AND state = 'running' FOR UPDATE SKIP LOCKED"), name).Scan(&taken, &died)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, nil // ended, or another process is at it
	}
	if err != nil {
		return 0, err
	}
	if broken(taken, died) {
		return 0, t.stop(ctx, tx, name, fmt.Sprintf("%d died again, %d were taken", died, taken))
	}
	var queued, away int
	err = tx.QueryRow(ctx, t.sql("SELECT count(*) FILTER (WHERE state = 'queued'), count(*) FILTER (WHERE state = 'sent') FROM @ WHERE redrive = $1 AND state IN ('queued', 'sent')"), name).Scan(&queued, &away)
	if err != nil {
		return 0, err
	}
	if queued+away == 0 {
		return 0, t.end(ctx, tx, name, "done", fmt.Sprintf("%d were taken, %d died again", taken, died))
	}
	return t.send(ctx, tx, name, window(taken)-away, send)
}

// send sends first and records then: an end in between sends again.
func (t Table) send(ctx context.Context, tx pgx.Tx, name string, n int, send func(context.Context, []Letter) error) (int, error) {
	if n <= 0 {
		return 0, nil
	}
	found, err := tx.Query(ctx, t.sql(`
UPDATE @ SET state = 'sent' WHERE id IN (
	SELECT id FROM @ WHERE redrive = $1 AND state = 'queued' ORDER BY published_at, seq LIMIT $2 FOR UPDATE)
RETURNING `+summary+`, body, attributes`), name, n)
	if err != nil {
		return 0, err
	}
	letters, err := pgx.CollectRows(found, func(row pgx.CollectableRow) (l Letter, err error) {
		return l, row.Scan(append(l.summary(), &l.Body, &l.Attributes)...)
	})
	if err != nil || len(letters) == 0 {
		return 0, err
	}
	sortByTime(letters)
	return len(letters), send(ctx, letters)
}

// stop gives back what was not sent. What is under way ends by itself.
func (t Table) stop(ctx context.Context, tx pgx.Tx, name, why string) error {
	if _, err := tx.Exec(ctx, t.sql("UPDATE @ SET state = 'open' WHERE redrive = $1 AND state = 'queued'"), name); err != nil {
		return err
	}
	return t.end(ctx, tx, name, "stopped", "the consumer is still broken: "+why)
}

func (t Table) end(ctx context.Context, tx pgx.Tx, name, state, detail string) error {
	if _, err := tx.Exec(ctx, t.sql("UPDATE @_redrives SET state = $2, ended_at = now() WHERE name = $1"), name, state); err != nil {
		return err
	}
	return t.audit(ctx, tx, line{who: "redrive", action: state, redrive: name, detail: detail})
}

// Taken settles a letter in the transaction of its effect, or of the finding that
// the effect is there already. A letter that is settled stays as it is.
func (t Table) Taken(ctx context.Context, tx pgx.Tx, who, id, redrive string) error {
	settled, err := tx.Exec(ctx, t.sql("UPDATE @ SET state = 'taken', settled_at = now() WHERE id = $1 AND redrive = $2 AND settled_at IS NULL"), id, redrive)
	if err != nil {
		return fmt.Errorf("deadletters: settle %s: %w", id, err)
	}
	if settled.RowsAffected() == 0 {
		return nil
	}
	if _, err := tx.Exec(ctx, t.sql("UPDATE @_redrives SET taken = taken + 1 WHERE name = $1"), redrive); err != nil {
		return fmt.Errorf("deadletters: settle %s: %w", id, err)
	}
	if err := t.audit(ctx, tx, line{who: who, action: "taken", letter: id, redrive: redrive}); err != nil {
		return fmt.Errorf("deadletters: settle %s: %w", id, err)
	}
	return nil
}

// Purge removes up to limit letters that were settled longer ago than keep, and as
// many lines of audit and ended redrives that old, and returns how many rows.
// Letters that wait are never removed. Keep must be longer than the dead-letter
// topic retains: a death told after that is a new letter.
func (t Table) Purge(ctx context.Context, db DB, keep time.Duration, limit int) (removed int, err error) {
	err = inTransaction(ctx, db, func(tx pgx.Tx) error {
		for _, statement := range []string{
			"DELETE FROM @ WHERE id IN (SELECT id FROM @ WHERE settled_at < now() - make_interval(secs => $1) LIMIT $2 FOR UPDATE SKIP LOCKED)",
			"DELETE FROM @_audit WHERE seq IN (SELECT seq FROM @_audit WHERE at < now() - make_interval(secs => $1) ORDER BY seq LIMIT $2)",
			"DELETE FROM @_redrives WHERE name IN (SELECT name FROM @_redrives WHERE ended_at < now() - make_interval(secs => $1) LIMIT $2)",
		} {
			gone, err := tx.Exec(ctx, t.sql(statement), keep.Seconds(), limit)
			if err != nil {
				return err
			}
			removed += int(gone.RowsAffected())
		}
		return nil
	})
	return removed, err
}

// sortByTime keeps the order in which the messages were published, as far as their
// broker's clock tells it.
func sortByTime(letters []Letter) {
	slices.SortStableFunc(letters, func(a, b Letter) int { return a.Published.Compare(b.Published) })
}
