// Package ledger remembers what a load test asked for and what it was told, so
// that the effects can be compared with the answers when the run is over.
//
// Every request with an effect has a key, which is also its idempotency key. An
// attempt is entered before its first byte leaves and ends in one of four
// ways: acknowledged, refused, not attempted, or unknown. [Ledger.Ask] repeats
// the last two with the same key until the answer is definite or time is up.
//
// The verdict per key: acknowledged means that the effect is there once;
// refused or not attempted every time means that it is not there; unknown means
// none or one. An effect that no key asked for fails the run.
package ledger

import (
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"
)

// An End says how an attempt ended.
type End uint8

const (
	// Unknown: timeout, reset, 500, 502, 504, an answer that could not be read.
	Unknown End = iota
	// Acknowledged: a complete success answer for this key.
	Acknowledged
	// Refused: a documented answer that says that nothing happened and nothing
	// will.
	Refused
	// NotAttempted: nothing happened, and asking again may be answered otherwise:
	// 429, 503 with Retry-After, or no connection was made.
	NotAttempted
)

// String returns the words.
func (e End) String() string {
	return [...]string{"unknown", "acknowledged", "refused", "not attempted"}[e]
}

// Definite reports whether asking again can bring nothing new.
func (e End) Definite() bool { return e == Acknowledged || e == Refused }

// EndOf classifies an HTTP answer by the rules of this project's services: 503
// with Retry-After is a promise that nothing was attempted.
func EndOf(status int, retryAfter bool) End {
	switch status {
	case 200, 201, 202, 204:
		return Acknowledged
	case 409:
		if retryAfter { // the first attempt still runs: ask again
			return Unknown
		}
		return Refused
	case 400, 401, 403, 404, 412, 413, 415, 422:
		return Refused
	case 429, 503:
		if retryAfter {
			return NotAttempted
		}
	}
	return Unknown
}

// An Entry is what is known about one key.
type Entry struct {
	Key          string
	What         string // the effect in words, and its identity: no two keys share it
	First        time.Time
	Attempts     int
	Unknowns     int       // attempts without a definite answer
	Acknowledged time.Time // zero: never
	Ending       time.Time // the effect's end was asked for: until it is acknowledged, the effect may be there or not
	Ended        time.Time // an acknowledged end of the effect, such as a deletion or expiry
}

// State is the entry's standing: once an attempt was unknown, only an
// acknowledgement closes the key.
func (e Entry) State() End {
	switch {
	case !e.Acknowledged.IsZero():
		return Acknowledged
	case e.Unknowns > 0:
		return Unknown
	}
	return Refused
}

// A Ledger is safe for concurrent use. The zero value is empty and ready.
type Ledger struct {
	mu      sync.Mutex
	entries map[string]*Entry // by What
}

// Sent enters an attempt, before its first byte leaves.
func (l *Ledger) Sent(key, what string, at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.entries == nil {
		l.entries = make(map[string]*Entry)
	}
	e := l.entries[what]
	if e == nil {
		e = &Entry{Key: key, What: what, First: at}
		l.entries[what] = e
	}
	e.Attempts++
}

// Answered enters how an attempt ended.
func (l *Ledger) Answered(what string, end End, at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.entries[what]
	switch {
	case end == Unknown:
		e.Unknowns++
	case end == Acknowledged && e.Acknowledged.IsZero():
		e.Acknowledged = at
	}
}

// Ending enters that the end of an effect is being asked for.
func (l *Ledger) Ending(what string, at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.entries[what].Ending = at
}

// Over enters that an effect was ended on purpose: it is there no more.
func (l *Ledger) Over(what string, at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.entries[what].Ended = at
}

// Totals counts keys by state.
func (l *Ledger) Totals() Totals {
	l.mu.Lock()
	defer l.mu.Unlock()
	var t Totals
	for _, e := range l.entries {
		switch e.State() {
		case Acknowledged:
			t.Acknowledged++
		case Refused:
			t.Refused++
		default:
			t.Unknown++
		}
	}
	return t
}

// Totals are keys by state.
type Totals struct{ Acknowledged, Refused, Unknown int }

// UnknownShare returns the share of keys that stayed unknown, from 0 to 1.
func (t Totals) UnknownShare() float64 {
	return float64(t.Unknown) / float64(max(1, t.Acknowledged+t.Refused+t.Unknown))
}

// Judge compares the ledger with the effects that were found, counted by What,
// and returns one sentence per violation, in a stable order.
func (l *Ledger) Judge(effects map[string]int) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var wrong []string
	for _, what := range slices.Sorted(maps.Keys(l.entries)) {
		if s := l.entries[what].judge(effects[what]); s != "" {
			wrong = append(wrong, s)
		}
	}
	for _, what := range slices.Sorted(maps.Keys(effects)) {
		if l.entries[what] == nil {
			wrong = append(wrong, fmt.Sprintf("%s is there %d times, and nobody asked for it", what, effects[what]))
		}
	}
	return wrong
}

func (e Entry) judge(n int) string {
	const clock = "15:04:05.000"
	switch {
	case n > 1:
		return fmt.Sprintf("%s was asked for once and is there %d times", e.What, n)
	case e.State() == Acknowledged && e.Ending.IsZero() && e.Ended.IsZero() && n == 0:
		return fmt.Sprintf("%s was acknowledged at %s and is not there", e.What, e.Acknowledged.Format(clock))
	case e.State() == Acknowledged && !e.Ended.IsZero() && n > 0:
		return fmt.Sprintf("%s was ended at %s and is still there", e.What, e.Ended.Format(clock))
	case e.State() == Refused && n > 0:
		return fmt.Sprintf("%s was refused in each of %d attempts and is there", e.What, e.Attempts)
	}
	return ""
}
