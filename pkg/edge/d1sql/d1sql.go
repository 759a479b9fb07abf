// Package d1sql is Cloudflare D1 as a database of database/sql, for code that has one
// already. Package d1 costs less and can do more: batches, bookmarks, replicas.
//
// D1 has no interactive transactions: Begin fails with ErrNoTransactions. Every call
// needs the context of an event, so the methods without one fail.
package d1sql

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"

	"github.com/provingground/provingground/pkg/edge/d1"
)

// ErrNoTransactions says that D1 cannot keep a transaction open between two calls.
var ErrNoTransactions = errors.New("d1sql: D1 has no interactive transactions: write one batch with package d1, and put what it depends on into the statements' conditions")

// Open returns the database of a binding, by the name that wrangler.jsonc gives it.
// It does no I/O. Each statement asks the primary.
func Open(binding string) *sql.DB { return sql.OpenDB(connector{d1.DB{Binding: binding}}) }

type connector struct{ db d1.DB }

func (c connector) Connect(context.Context) (driver.Conn, error) { return conn(c), nil }

func (c connector) Driver() driver.Driver { return c }

// Open implements driver.Driver: the name is that of a binding.
func (c connector) Open(name string) (driver.Conn, error) { return conn{d1.DB{Binding: name}}, nil }

// conn is no connection: the platform has none.
type conn struct{ db d1.DB }

func (c conn) Prepare(query string) (driver.Stmt, error) { return stmt{c, query}, nil }

func (c conn) Close() error { return nil }

func (c conn) Begin() (driver.Tx, error) { return nil, ErrNoTransactions }

func (c conn) BeginTx(context.Context, driver.TxOptions) (driver.Tx, error) {
	return nil, ErrNoTransactions
}

func (c conn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	r, err := c.run(ctx, query, args)
	if err != nil {
		return nil, err
	}
	return &rows{columns: r.Columns, rest: r.Rows}, nil
}

func (c conn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	r, err := c.run(ctx, query, args)
	if err != nil {
		return nil, err
	}
	return result(r), nil
}

func (c conn) run(ctx context.Context, query string, args []driver.NamedValue) (d1.Result, error) {
	values := make([]any, len(args))
	for i, a := range args {
		if a.Name != "" {
			return d1.Result{}, errors.New("d1sql: parameters have no names: use ?")
		}
		values[i] = a.Value
	}
	all, err := c.db.Session(d1.FirstPrimary).Batch(ctx, d1.Statement{SQL: query, Args: values})
	if err != nil {
		return d1.Result{}, err
	}
	return all[0], nil
}

type stmt struct {
	conn  conn
	query string
}

func (s stmt) Close() error { return nil }

// NumInput is not known here: D1 counts them.
func (s stmt) NumInput() int { return -1 }

var errNoContext = errors.New("d1sql: a call without a context: use the method whose name ends in Context")

func (s stmt) Exec([]driver.Value) (driver.Result, error) { return nil, errNoContext }

func (s stmt) Query([]driver.Value) (driver.Rows, error) { return nil, errNoContext }

func (s stmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	return s.conn.ExecContext(ctx, s.query, args)
}

func (s stmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	return s.conn.QueryContext(ctx, s.query, args)
}

type result d1.Result

func (r result) LastInsertId() (int64, error) { return r.LastRowID, nil }

func (r result) RowsAffected() (int64, error) { return r.Changes, nil }

// rows are all there already.
type rows struct {
	columns []string
	rest    [][]any
}

func (r *rows) Columns() []string { return r.columns }

func (r *rows) Close() error { return nil }

func (r *rows) Next(to []driver.Value) error {
	if len(r.rest) == 0 {
		return io.EOF
	}
	for i := range to {
		to[i] = r.rest[0][i]
	}
	r.rest = r.rest[1:]
	return nil
}
