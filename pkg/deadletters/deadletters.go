// Package deadletters keeps the dead letters of a queue in PostgreSQL, where people
// look at them, and sends them back to their consumer.
//
// Whoever drains the queue's dead-letter topic enters each letter with [Table.Add]
// before it acknowledges it. From then on it is shown once, however often it was
// delivered, listed by [Table.List], counted by reason and shape by [Table.Groups],
// and ends in one of two ways: a [Table.Redrive] that its consumer took, or
// [Table.Discard]. Every step leaves a line of audit in the transaction that takes it.
//
// A redrive is asked for by a name of the caller's, and asking again with the same
// name changes nothing. It sends one letter, and more only after the consumer took
// that one; when the consumer gives up the first, or more than a tenth, it stops by
// itself and the rest stays. [Table.Step] sends; call it from any number of
// processes. A letter may be sent twice, after a crash between the sending and its
// record, so the consumer must know a repetition.
//
// The consumer calls [Table.Taken] in the transaction of its effect. So a letter is
// settled when, and only when, the effect is there.
//
//	open ──Redrive──▶ queued ──Step──▶ sent ──Taken──▶ taken
//	  ▲ └──Discard──▶ discarded          │
//	  └──────────────Add: it died again ─┘
package deadletters

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// What a caller can act on.
var (
	// ErrNotFound says that there is no such letter or redrive.
	ErrNotFound = errors.New("deadletters: not found")
	// ErrReused says that a redrive of this name selected other letters.
	ErrReused = errors.New("deadletters: the name was used for another redrive")
	// ErrBadName says that a name is empty, too long, or not of letters, digits, '-', '_' and '.'.
	ErrBadName = errors.New("deadletters: a name has 1 to 64 characters of a-z, A-Z, 0-9, '-', '_' and '.'")
	// ErrBadSelection says that a selection has neither ids nor a group, or both.
	ErrBadSelection = errors.New("deadletters: select letters by up to 1000 ids, or by reason, shape or key")
)

// A State is where a letter is on its way.
type State string

// The states.
const (
	Open      State = "open"
	Queued    State = "queued" // of a redrive, not sent yet
	Sent      State = "sent"   // back at its consumer
	Taken     State = "taken"  // its effect is there
	Discarded State = "discarded"
)

// A Letter is a message that its consumer gave up.
type Letter struct {
	ID         string            `json:"id"` // see ID
	Event      string            `json:"event"`
	Key        string            `json:"key,omitempty"`
	Source     string            `json:"source"` // subscription that gave it up
	Reason     string            `json:"reason"`
	Error      string            `json:"error"`
	Shape      string            `json:"shape"` // see Shape
	Failures   int               `json:"failures"`
	Deaths     int               `json:"deaths"` // 1, and one for each redrive that it came back from
	State      State             `json:"state"`
	Redrive    string            `json:"redrive,omitempty"` // the last one
	Published  time.Time         `json:"published_at"`      // of the message that died first
	Died       time.Time         `json:"died_at"`           // when it was entered
	DiedLast   time.Time         `json:"died_last_at"`
	Settled    *time.Time        `json:"settled_at,omitempty"` // taken or discarded
	Body       []byte            `json:"body,omitempty"`
	Attributes map[string]string `json:"attributes,omitempty"`
}

// ID returns the identity of a letter. Event is the id that its producer gave it, or
// the broker's if there is none. The body is in it, because two messages that claim
// one event id and differ are two letters.
func ID(event string, body []byte) string {
	h := sha256.New()
	fmt.Fprintf(h, "%d\x00%s", len(event), event)
	h.Write(body)
	return hex.EncodeToString(h.Sum(nil)[:12])
}

// A DB is a pool or a connection.
type DB interface {
	Begin(ctx context.Context) (pgx.Tx, error)
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// A Table keeps letters; its redrives and audit are in tables beside it, Name with
// "_redrives" and "_audit" behind it. Name is an SQL identifier, with a schema if
// need be. It goes into statements as it is, so it must never come from outside.
type Table struct{ Name string }

func inTransaction(ctx context.Context, db DB, do func(tx pgx.Tx) error) error {
	if err := pgx.BeginFunc(ctx, db, do); err != nil {
		if known(err) {
			return err
		}
		return fmt.Errorf("deadletters: %w", err)
	}
	return nil
}

func known(err error) bool {
	for _, each := range []error{ErrNotFound, ErrReused, ErrBadName, ErrBadSelection} {
		if errors.Is(err, each) {
			return true
		}
	}
	return false
}
