package deadletters

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// A Group is the letters of one reason and one shape that are in one state.
type Group struct {
	Reason  string    `json:"reason"`
	Shape   string    `json:"shape"`
	State   State     `json:"state"`
	Letters int       `json:"letters"`
	Oldest  time.Time `json:"oldest"`
	Example string    `json:"example"` // a letter's id
}

// Groups counts the letters that are not settled, the largest group first.
func (t Table) Groups(ctx context.Context, db DB) ([]Group, error) {
	found, err := db.Query(ctx, t.sql(`
SELECT reason, shape, state, count(*), min(died_at), min(id) FROM @
WHERE settled_at IS NULL GROUP BY reason, shape, state ORDER BY count(*) DESC, reason, shape, state LIMIT 1000`))
	if err != nil {
		return nil, fmt.Errorf("deadletters: groups: %w", err)
	}
	groups, err := pgx.CollectRows(found, pgx.RowToStructByPos[Group])
	if err != nil {
		return nil, fmt.Errorf("deadletters: groups: %w", err)
	}
	return groups, nil
}

// A Filter selects letters to look at; an empty field selects all.
type Filter struct {
	Reason, Shape, Key string
	State              State
	After              string // id of the last letter of the page before
	Limit              int    // up to 1000, default 100
}

const summary = "id, event, key, source, reason, error, shape, failures, deaths, state, redrive, published_at, died_at, died_last_at, settled_at"

// List returns letters without body and attributes, in the order in which they
// were entered. A letter that After does not find begins at the first.
func (t Table) List(ctx context.Context, db DB, f Filter) ([]Letter, error) {
	if f.Limit <= 0 || f.Limit > 1000 {
		f.Limit = 100
	}
	found, err := db.Query(ctx, t.sql("SELECT "+summary+` FROM @
WHERE ($1 = '' OR reason = $1) AND ($2 = '' OR shape = $2) AND ($3 = '' OR key = $3) AND ($4 = '' OR state = $4)
	AND seq > coalesce((SELECT seq FROM @ WHERE id = $5), 0) ORDER BY seq LIMIT $6`),
		f.Reason, f.Shape, f.Key, string(f.State), f.After, f.Limit)
	if err != nil {
		return nil, fmt.Errorf("deadletters: list: %w", err)
	}
	letters, err := pgx.CollectRows(found, func(row pgx.CollectableRow) (l Letter, err error) { return l, row.Scan(l.summary()...) })
	if err != nil {
		return nil, fmt.Errorf("deadletters: list: %w", err)
	}
	return letters, nil
}

// summary is where the columns of that name go.
func (l *Letter) summary() []any {
	return []any{
		&l.ID, &l.Event, &l.Key, &l.Source, &l.Reason, &l.Error, &l.Shape, &l.Failures, &l.Deaths, &l.State, &l.Redrive,
		&l.Published, &l.Died, &l.DiedLast, &l.Settled,
	}
}

// Find returns a letter with its body, or ErrNotFound.
func (t Table) Find(ctx context.Context, db DB, id string) (l Letter, err error) {
	err = db.QueryRow(ctx, t.sql("SELECT "+summary+", body, attributes FROM @ WHERE id = $1"), id).
		Scan(append(l.summary(), &l.Body, &l.Attributes)...)
	if errors.Is(err, pgx.ErrNoRows) {
		return l, ErrNotFound
	}
	if err != nil {
		return l, fmt.Errorf("deadletters: find %s: %w", id, err)
	}
	return l, nil
}

// A Line is one of the audit.
type Line struct {
	At      time.Time `json:"at"`
	Who     string    `json:"who"`
	Action  string    `json:"action"`
	Letter  string    `json:"letter,omitempty"`
	Redrive string    `json:"redrive,omitempty"`
	Detail  string    `json:"detail,omitempty"`
}

// Audit returns what happened to a letter, the oldest first; of all letters, the
// last thousand, for an empty id.
func (t Table) Audit(ctx context.Context, db DB, id string) ([]Line, error) {
	found, err := db.Query(ctx, t.sql(`
SELECT at, who, action, letter, redrive, detail FROM (
	SELECT * FROM @_audit WHERE ($1 = '' OR letter = $1) ORDER BY seq DESC LIMIT 1000) AS last ORDER BY seq`), id)
	if err != nil {
		return nil, fmt.Errorf("deadletters: audit: %w", err)
	}
	lines, err := pgx.CollectRows(found, pgx.RowToStructByPos[Line])
	if err != nil {
		return nil, fmt.Errorf("deadletters: audit: %w", err)
	}
	return lines, nil
}

// Backlog returns how many letters wait for somebody and how old the first of them
// is: what an alert should watch.
func (t Table) Backlog(ctx context.Context, db DB) (letters int, oldest time.Duration, err error) {
	var seconds float64
	err = db.QueryRow(ctx, t.sql("SELECT count(*), coalesce(extract(epoch FROM now() - min(died_at)), 0)::float8 FROM @ WHERE state = 'open'")).Scan(&letters, &seconds)
	if err != nil {
		return 0, 0, fmt.Errorf("deadletters: backlog: %w", err)
	}
	return letters, time.Duration(seconds * float64(time.Second)), nil
}
