// Package webhooks takes in webhooks at once and processes them later, in the
// order of each account, each once.
//
//	sender ─ POST /webhooks/{provider} ─▶ receiver ×2 ─ signature, then publish with ordering key ─▶ Pub/Sub topic ─ 202
//	                                                                                                   │
//	                     processor ×2 ◀─ pull, or push with an OIDC token ─────────────────────────────┘
//	                        └─▶ one transaction a batch: inbox row + effect ─▶ PostgreSQL
//	                        └─▶ poison, with its reason ─▶ dead-letter topic
//
// Delivery is at least once everywhere. The effect happens once, in PostgreSQL,
// by provider and event id, remembered for 30 days.
//
// Start here: an Event is what travels. The boxes of the diagram are files:
// receiver.go and publish.go, pull.go and push.go, processor.go, inbox.go.
package webhooks

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

const (
	// MaxBody is the size of the largest event in bytes.
	MaxBody = 64 << 10
	// Remembered is how long the inbox knows an event. It counts from the event's
	// own time, which a sender's retry does not change.
	Remembered = 30 * 24 * time.Hour
	// taken is up to which age the receiver takes an event: what waits in the topic
	// for a day is still remembered when it is processed.
	taken = 29 * 24 * time.Hour
	// ahead is how far a sender's clock may be ahead of ours.
	ahead = 10 * time.Minute
)

// The types whose effect is known. Others are recorded without one: senders add
// types before their receivers know them.
const (
	typePaid    = "payment.received" // adds its amount to the account
	typeChanged = "plan.changed"     // as paid, and sets the account's plan, by version
)

// An Event is what a sender says, in the body that it signed. Whatever else is in
// there is kept and ignored.
type Event struct {
	ID      string `json:"id"` // unique for the provider, the same in every retry
	Type    string `json:"type"`
	Account string `json:"account"`
	Created int64  `json:"created"` // Unix seconds, the same in every retry
	Version int64  `json:"version"` // of the account at the provider: later ones are higher
	Data    struct {
		Amount int64  `json:"amount"` // cents
		Plan   string `json:"plan"`
	} `json:"data"`

	provider string
	raw      []byte
}

var (
	errTooOld    = errors.New("the event is older than what is remembered: it might have been applied before")
	errTooNew    = errors.New("the event was created in the future")
	errMalformed = errors.New("malformed event")
)

// parse reads an event and checks everything that needs no I/O. Its errors are
// permanent: no retry of the same bytes mends them.
func parse(provider string, raw []byte) (Event, error) {
	e := Event{provider: provider, raw: raw}
	if err := json.Unmarshal(raw, &e); err != nil {
		return e, fmt.Errorf("%w: %w", errMalformed, err)
	}
	for _, field := range []struct{ name, value string }{{"id", e.ID}, {"type", e.Type}, {"account", e.Account}} {
		if !name(field.value) {
			return e, fmt.Errorf("%w: %s must have 1 to 100 characters of A-Z, a-z, 0-9 and .:_-", errMalformed, field.name)
		}
	}
	switch {
	case e.Created <= 0:
		return e, fmt.Errorf("%w: created must be a time in seconds", errMalformed)
	case e.Version < 1 || e.Version > 1<<53:
		return e, fmt.Errorf("%w: version must be between 1 and 2^53", errMalformed)
	case e.Data.Amount < -1e12 || e.Data.Amount > 1e12 || len(e.Data.Plan) > 100 || strings.ContainsRune(e.Data.Plan, 0):
		return e, fmt.Errorf("%w: data is out of bounds", errMalformed)
	}
	return e, nil
}

// name is a small grammar that is safe in logs, keys and attributes.
func name(s string) bool {
	other := func(c rune) bool {
		return !(c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || strings.ContainsRune(".:_-", c))
	}
	return s != "" && len(s) <= 100 && !strings.ContainsFunc(s, other)
}

// aged returns an error for an event that is older than limit or of the future.
func (e Event) aged(now time.Time, limit time.Duration) error {
	created := time.Unix(e.Created, 0)
	switch {
	case created.Before(now.Add(-limit)):
		return errTooOld
	case created.After(now.Add(ahead)):
		return errTooNew
	}
	return nil
}

// day is the day of the event in UTC: which part of the inbox knows it.
func (e Event) day() time.Time { return time.Unix(e.Created, 0).UTC().Truncate(24 * time.Hour) }

// effective reports whether the type has an effect.
func (e Event) effective() bool { return e.Type == typePaid || e.Type == typeChanged }

// plan is what the event sets, if anything.
func (e Event) plan() string {
	if e.Type == typeChanged {
		return e.Data.Plan
	}
	return ""
}
