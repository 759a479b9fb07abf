// Package d1 asks Cloudflare D1, a SQLite database, from a Worker.
//
// D1 has no interactive transactions: Batch is its transaction, and what a write
// depends on goes into the statements' conditions.
package d1

import (
	"context"
	"fmt"

	"github.com/provingground/provingground/pkg/edge/internal/host"
	"github.com/provingground/provingground/pkg/edge/internal/sqlrows"
)

// The constraints under which a session may begin, besides a bookmark.
const (
	// FirstPrimary asks the primary first: what was committed is seen.
	FirstPrimary = "first-primary"
	// FirstUnconstrained asks the nearest replica first, however old it is.
	FirstUnconstrained = "first-unconstrained"
)

// DB is the binding of a database, by the name that wrangler.jsonc gives it.
type DB struct{ Binding string }

// Statement is SQL and the values of its parameters: nil, bool, int64, float64,
// string or []byte. Integers cross as JavaScript numbers, exact up to 2^53.
type Statement struct {
	SQL  string
	Args []any
}

// Result is what a statement did and returned. Values are nil, int64, float64,
// string or []byte.
type Result struct {
	Columns []string
	Rows    [][]any

	Changes, LastRowID, RowsRead, RowsWritten int64
}

// Session is a series of calls that see what the earlier ones saw. It belongs to
// the event whose context its first batch has, and to one goroutine at a time.
type Session struct {
	db       DB
	start    string
	handle   any // the host's, from the first batch on
	bookmark string
}

// Session begins one: start is a bookmark or one of the constraints.
func (db DB) Session(start string) *Session { return &Session{db: db, start: start} }

// Bookmark covers what the session saw and wrote. It is empty before the first
// batch.
func (s *Session) Bookmark() string { return s.bookmark }

// Batch runs statements in one transaction: all of them or none. When ctx ends
// first, or the answer is lost, it may still be carried out.
func (s *Session) Batch(ctx context.Context, all ...Statement) ([]Result, error) {
	list := make([]any, len(all))
	for i, one := range all {
		args := one.Args
		if args == nil {
			args = []any{}
		}
		list[i] = []any{one.SQL, args}
	}
	v, err := host.Call(ctx, "d1.batch", s.handle, s.db.Binding, s.start, list)
	if err != nil {
		return nil, err
	}
	parts, _ := v.([]any)
	if len(parts) != 3 {
		return nil, fmt.Errorf("d1: the host answered %v instead of results", v)
	}
	answers, _ := parts[2].([]any)
	if len(answers) != len(all) {
		return nil, fmt.Errorf("d1: %d results for %d statements", len(answers), len(all))
	}
	s.handle = parts[0]
	s.bookmark, _ = parts[1].(string)
	results := make([]Result, len(all))
	for i, a := range answers {
		results[i] = result(a)
	}
	return results, nil
}

func result(v any) Result {
	meta, columns, rows := sqlrows.Read(v)
	r := Result{Columns: columns, Rows: rows}
	for i, field := range []*int64{&r.Changes, &r.LastRowID, &r.RowsRead, &r.RowsWritten} {
		if i < len(meta) {
			*field = meta[i]
		}
	}
	return r
}
