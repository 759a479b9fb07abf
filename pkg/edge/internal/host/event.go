// Package host carries calls between Go and the JavaScript host: events in,
// operations and answers out, each a value of the codec.
//
// Everything an event does belongs to its I/O context, which the host tears
// down with the request; so each call takes a context.Context that came with an
// event.
package host

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
)

// Error is what the host threw: D1's "D1_ERROR: …".
type Error struct {
	Op      string // the operation, "d1.run"
	Message string // as the host worded it
}

func (e *Error) Error() string { return fmt.Sprintf("edge: %s: %s", e.Op, e.Message) }

var (
	// ErrNoEvent says that the context did not come with an event.
	ErrNoEvent = errors.New("edge: the context carries no event: pass the one the handler was given")
	// ErrEnded says that the event is over, and the host took its connections down.
	ErrEnded = errors.New("edge: the event has ended")
	// ErrNotInWorker says that this program does not run inside workerd.
	ErrNotInWorker = errors.New("edge: not running inside workerd: build with GOOS=js GOARCH=wasm")
)

// Event is one thing that happened: a request, a batch of messages, an alarm.
type Event struct {
	Kind string
	Args []any

	//lint:ignore U1000 used inside workerd
	id int32
	//lint:ignore U1000 used inside workerd
	bridge *bridge
	gone   context.CancelFunc // cancels the event's context

	mu      sync.Mutex
	ended   chan struct{} // closed when the host's side is over
	over    bool
	pending sync.WaitGroup // what outlives the answer
	running atomic.Int32   // how many those are
}

type eventKey struct{}

// Context returns a context that carries the event; it ends when the client goes
// away, or with End.
func (e *Event) Context() context.Context {
	ctx, cancel := context.WithCancel(context.WithValue(context.Background(), eventKey{}, e))
	e.gone = cancel
	return ctx
}

// From returns the event that a context came with.
func From(ctx context.Context) (*Event, error) {
	e, ok := ctx.Value(eventKey{}).(*Event)
	if !ok {
		return nil, ErrNoEvent
	}
	return e, nil
}

// Go runs f with the event's I/O context and keeps that alive until f returns.
func (e *Event) Go(f func()) {
	e.running.Add(1)
	e.pending.Go(func() {
		defer e.running.Add(-1)
		f()
	})
}

// Cancel ends the event's context: the client went away.
//
//lint:ignore U1000 used inside workerd
func (e *Event) cancel() {
	if e.gone != nil {
		e.gone()
	}
}

// close says that nothing of this event will be answered any more.
func (e *Event) close() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.over {
		e.over = true
		close(e.ended)
	}
}

// Call runs an operation of the host and waits for its result. It returns early
// when ctx ends; the operation may then still happen.
func Call(ctx context.Context, op string, args ...any) (any, error) {
	e, err := From(ctx)
	if err != nil {
		return nil, err
	}
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	return e.call(ctx, op, args)
}

// Sync runs an operation of the host that has its result at once: the SQL of a
// Durable Object, a WebSocket's send.
func Sync(ctx context.Context, op string, args ...any) (any, error) {
	e, err := From(ctx)
	if err != nil {
		return nil, err
	}
	return e.sync(op, args)
}

// Busy says whether something that Go started is still running.
func (e *Event) Busy() bool { return e.running.Load() > 0 }
