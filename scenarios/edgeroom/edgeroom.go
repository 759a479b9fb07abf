// Package edgeroom is a counter and a chat room at the edge: each name is one
// Durable Object in the world, written in Go, with its own SQLite database.
//
//	client → Worker (nearest colo) → Counter object: increments, each counted once by its key
//	                               → Room object: WebSockets, messages in sequence, history
//	                               → KV: settings, which may be a minute old
//
// What must be right is in one place and costs the way there; what may be old is
// everywhere. Counter and Room decide; the Worker only finds them.
package edgeroom

import (
	"context"
	"errors"
	"time"

	"github.com/provingground/provingground/pkg/edge/durable"
)

// Limits of what is accepted, in bytes and messages.
const (
	MaxKey      = 100
	MaxName     = 64
	MaxText     = 2000
	MaxMembers  = 500    // of a room at once
	MaxSettings = 16_000 // of the settings' document
	MaxBy       = 1000   // of one increment
	MaxWaiting  = 1000   // increments of a counter that wait for their commit

	// History is how many messages a room keeps for those who come back.
	History = 10_000
	// Window is how many messages a member may have been sent without having said
	// that it saw them. Beyond, it is closed, and resumes.
	Window = 512
	// Page is how many messages of the history are sent to a member at once.
	Page = 128
)

const (
	// Lease is how long a member is present after its last sign of life.
	Lease = 30 * time.Second
	// KeysKept is how long a repeated increment gets its first answer, at least.
	KeysKept = 10 * time.Minute
	// Patience is how long the Worker waits for KV before it answers what it knows.
	Patience = 2 * time.Second
)

// What a caller acts on. Invalid says what is wrong with a request.
var (
	ErrKeyReused = errors.New("the Idempotency-Key was used for another increment")
	ErrFull      = errors.New("the room is full")
	ErrBusy      = errors.New("the counter has more to do than it can")
)

// Invalid is a request that cannot be carried out as it is, and why.
type Invalid struct{ Why string }

// Error returns the sentence.
func (e *Invalid) Error() string { return e.Why }

// Database is that of an object. Its calls return at once: what is written between
// two calls that wait is committed together.
type Database interface {
	SQL(ctx context.Context, sql string, args ...any) (durable.Result, error)
}

// create makes tables where they are not there yet.
func create(ctx context.Context, db Database, statements ...string) error {
	for _, sql := range statements {
		if _, err := db.SQL(ctx, sql); err != nil {
			return err
		}
	}
	return nil
}

// number is the integer in the first column of the first row, and whether there is one.
func number(r durable.Result) (int64, bool) {
	if len(r.Rows) == 0 || len(r.Rows[0]) == 0 {
		return 0, false
	}
	n, ok := r.Rows[0][0].(int64)
	return n, ok
}
