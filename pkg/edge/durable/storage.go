package durable

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/provingground/provingground/pkg/edge/internal/host"
	"github.com/provingground/provingground/pkg/edge/internal/sqlrows"
)

// Result is what a statement did and returned; of several statements in one text
// that is the last one. Values are nil, int64, float64, string or []byte.
type Result struct {
	Columns []string
	Rows    [][]any

	RowsRead, RowsWritten int64
}

// SQL runs a statement on the object's database and returns at once. Parameters are
// nil, bool, int, int64, float64, string or []byte; integers are exact up to 2^53.
// What is written between two calls that wait is committed together. BEGIN and
// SAVEPOINT are refused: see Transaction.
func (s *State) SQL(ctx context.Context, sql string, args ...any) (Result, error) {
	if args == nil {
		args = []any{}
	}
	v, err := host.Sync(ctx, "state.sql", sql, args)
	if err != nil {
		return Result{}, err
	}
	meta, columns, rows := sqlrows.Read(v)
	r := Result{Columns: columns, Rows: rows}
	if len(meta) == 2 {
		r.RowsRead, r.RowsWritten = meta[0], meta[1]
	}
	return r, nil
}

// Sync waits until all that was written is on disk.
func (s *State) Sync(ctx context.Context) error {
	_, err := host.Call(ctx, "state.sync")
	return err
}

// DeleteAll empties the database; the alarm stays.
func (s *State) DeleteAll(ctx context.Context) error {
	_, err := host.Call(ctx, "state.deleteAll")
	return err
}

// Abort ends the object where it stands, as a crash does: its events are not answered,
// its WebSockets break, and what it had in memory is gone. The next event makes it
// anew, out of its database. The event of ctx gets no answer either: what Abort
// returns is why.
func (s *State) Abort(ctx context.Context, why string) error {
	_, err := host.Call(ctx, "state.abort", why)
	return err
}

// SetAlarm lets Alarm be called at that time or soon after, in place of an earlier
// setting. It is kept with the database.
func (s *State) SetAlarm(ctx context.Context, at time.Time) error {
	_, err := host.Call(ctx, "state.setAlarm", at.UnixMilli())
	return err
}

// NextAlarm returns when Alarm will be called, or the zero time. While it runs, none
// is set.
func (s *State) NextAlarm(ctx context.Context) (time.Time, error) {
	v, err := host.Call(ctx, "state.alarm")
	if err != nil || v == nil {
		return time.Time{}, err
	}
	ms, ok := v.(int64)
	if !ok {
		return time.Time{}, fmt.Errorf("durable: the host answered %v instead of a time", v)
	}
	return time.UnixMilli(ms), nil
}

// DeleteAlarm takes the alarm back.
func (s *State) DeleteAlarm(ctx context.Context) error {
	_, err := host.Call(ctx, "state.deleteAlarm")
	return err
}

// Block runs f while no other event is delivered to the object (blockConcurrencyWhile):
// those under way go on. F gets 30 s; when it fails, the platform makes the object
// anew, because nobody knows what it left half done.
func (s *State) Block(ctx context.Context, f func(context.Context) error) error {
	return s.while(ctx, "state.block", f)
}

// Transaction runs f, and takes back what it wrote when it fails. No other event is
// delivered meanwhile.
func (s *State) Transaction(ctx context.Context, f func(context.Context) error) error {
	return s.while(ctx, "state.transaction", f)
}

// while lets the host call f, in an event of its own.
func (s *State) while(ctx context.Context, op string, f func(context.Context) error) error {
	var failed error
	id := s.keep(func(ctx context.Context) error {
		failed = f(ctx)
		return failed
	})
	defer s.forget(id)
	_, err := host.Call(ctx, op, s.number, id)
	var thrown *host.Error
	if failed != nil && errors.As(err, &thrown) {
		return failed // what the host threw is only its text
	}
	return err
}

func (s *State) keep(f func(context.Context) error) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next++
	s.inside[s.next] = f
	return s.next
}

func (s *State) forget(id int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.inside, id)
}

// run reads the number of a function and runs it.
func (s *State) run(ctx context.Context, args []any) error {
	if len(args) != 1 {
		return errNoObject
	}
	id, _ := args[0].(int64)
	s.mu.Lock()
	f := s.inside[id]
	s.mu.Unlock()
	if f == nil {
		return context.Canceled // whoever asked has gone
	}
	return f(ctx)
}
