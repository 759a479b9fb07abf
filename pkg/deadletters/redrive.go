package deadletters

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// A Selection says which open letters are meant: those with these ids, or all of a
// reason, a shape and a key, of which empty ones select all.
type Selection struct {
	IDs    []string `json:"ids,omitempty"`
	Reason string   `json:"reason,omitempty"`
	Shape  string   `json:"shape,omitempty"`
	Key    string   `json:"key,omitempty"`
}

const maxIDs = 1000

func (s Selection) valid() error {
	group := s.Reason != "" || s.Shape != "" || s.Key != ""
	if group == (len(s.IDs) > 0) || len(s.IDs) > maxIDs {
		return ErrBadSelection
	}
	return nil
}

// where is the condition of a selection, whose arguments are the first four.
const where = "state = 'open' AND (id = ANY($1) OR cardinality($1::text[]) = 0) AND ($2 = '' OR reason = $2) AND ($3 = '' OR shape = $3) AND ($4 = '' OR key = $4)"

func (s Selection) args(more ...any) []any {
	ids := s.IDs
	if ids == nil {
		ids = []string{}
	}
	return append([]any{ids, text(s.Reason), text(s.Shape), text(s.Key)}, more...)
}

// A Redrive is letters on their way back to their consumer.
type Redrive struct {
	Name    string     `json:"name"`
	Who     string     `json:"who"`
	State   string     `json:"state"` // running, done, or stopped: the consumer is still broken
	Letters int        `json:"letters"`
	Taken   int        `json:"taken"`
	Died    int        `json:"died"` // again
	Created time.Time  `json:"created_at"`
	Ended   *time.Time `json:"ended_at,omitempty"`
}

// Redrive queues the open letters of a selection to be sent back, under a name that
// the caller made up. The same name with the same selection returns the redrive that
// is there and queues nothing; with another selection it is ErrReused.
func (t Table) Redrive(ctx context.Context, db DB, name, who string, s Selection) (r Redrive, err error) {
	if err := errors.Join(validName(name), s.valid()); err != nil {
		return r, err
	}
	selection, err := json.Marshal(s)
	if err != nil {
		return r, fmt.Errorf("deadletters: %w", err)
	}
	err = inTransaction(ctx, db, func(tx pgx.Tx) error {
		made, err := tx.Exec(ctx, t.sql("INSERT INTO @_redrives (name, selection, who, letters) VALUES ($1, $2, $3, 0) ON CONFLICT DO NOTHING"), name, text(string(selection)), who)
		if err != nil {
			return err
		}
		if made.RowsAffected() == 1 {
			err = t.queue(ctx, tx, name, who, s)
		} else {
			err = t.sameSelection(ctx, tx, name, text(string(selection)))
		}
		if err != nil {
			return err
		}
		r, err = t.redrive(ctx, tx, name)
		return err
	})
	return r, err
}

func (t Table) queue(ctx context.Context, tx pgx.Tx, name, who string, s Selection) error {
	_, err := tx.Exec(ctx, t.sql(`
WITH queued AS (UPDATE @ SET state = 'queued', redrive = $5 WHERE `+where+` RETURNING id),
lines AS (INSERT INTO @_audit (who, action, letter, redrive) SELECT $6, 'redrive', id, $5 FROM queued)
UPDATE @_redrives SET letters = (SELECT count(*) FROM queued) WHERE name = $5`), s.args(name, who)...)
	return err
}

func (t Table) sameSelection(ctx context.Context, tx pgx.Tx, name, selection string) error {
	var before string
	if err := tx.QueryRow(ctx, t.sql("SELECT selection FROM @_redrives WHERE name = $1"), name).Scan(&before); err != nil {
		return err
	}
	if before != selection {
		return ErrReused
	}
	return nil
}

// FindRedrive returns how far a redrive is, or ErrNotFound.
func (t Table) FindRedrive(ctx context.Context, db DB, name string) (r Redrive, err error) {
	err = inTransaction(ctx, db, func(tx pgx.Tx) error {
		r, err = t.redrive(ctx, tx, name)
		return err
	})
	return r, err
}

func (t Table) redrive(ctx context.Context, tx pgx.Tx, name string) (Redrive, error) {
	found, err := tx.Query(ctx, t.sql("SELECT name, who, state, letters, taken, died, created_at, ended_at FROM @_redrives WHERE name = $1"), name)
	if err != nil {
		return Redrive{}, err
	}
	r, err := pgx.CollectExactlyOneRow(found, pgx.RowToStructByPos[Redrive])
	if errors.Is(err, pgx.ErrNoRows) {
		return r, ErrNotFound
	}
	return r, err
}

// Discard settles the open letters of a selection without any effect, and returns
// how many. A letter that is discarded stays so, also if its message dies again.
func (t Table) Discard(ctx context.Context, db DB, who, why string, s Selection) (n int, err error) {
	if err := s.valid(); err != nil {
		return 0, err
	}
	err = inTransaction(ctx, db, func(tx pgx.Tx) error {
		found, err := tx.Query(ctx, t.sql(`
WITH gone AS (UPDATE @ SET state = 'discarded', settled_at = now() WHERE `+where+` RETURNING id)
INSERT INTO @_audit (who, action, letter, detail) SELECT $5, 'discarded', id, $6 FROM gone RETURNING letter`), s.args(who, text(why))...)
		if err != nil {
			return err
		}
		ids, err := pgx.CollectRows(found, pgx.RowTo[string])
		n = len(ids)
		return err
	})
	return n, err
}

const maxName = 64

func validName(name string) error {
	if name == "" || len(name) > maxName {
		return ErrBadName
	}
	for _, c := range []byte(name) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_', c == '.':
		default:
			return ErrBadName
		}
	}
	return nil
}
