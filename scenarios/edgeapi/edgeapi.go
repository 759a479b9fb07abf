// Package edgeapi is a JSON API at the edge: a catalogue of items, served by Go in
// a Cloudflare Worker, kept in D1.
//
//	client → Worker (nearest colo) → memory, Cache API: anonymous reads, 10 s at most
//	                               → D1: reads that must be fresh, and every write
//	                               → KV: settings, written seldom and read always
//
// A write is one batch, which is D1's transaction: the row of its Idempotency-Key,
// the item under the version that If-Match names, and what the answer needs. So of
// two writers of one version one wins and the other gets 412; and whoever repeats
// a write gets its first answer.
package edgeapi

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Limits of what is accepted, in characters, cents and bytes.
const (
	MaxName        = 200
	MaxDescription = 5000
	MaxPrice       = 1_000_000_000
	MaxBody        = 64 << 10
	MaxPage        = 100
	MaxQuery       = 200
	MaxKey         = 100
)

// FreshFor bounds the age of a cached answer, from when D1 was read.
const FreshFor = 10 * time.Second

// keysKept is how long a repeated write gets its first answer.
const keysKept = 48 * time.Hour

// What a caller acts on. Invalid says what is wrong with a request.
var (
	ErrNotFound   = errors.New("there is no such item")
	ErrChanged    = errors.New("the item has another version by now")
	ErrKeyReused  = errors.New("the Idempotency-Key was used for another request")
	ErrOverloaded = errors.New("the database takes no more now; nothing was done")
	ErrLost       = errors.New("the connection to the database was lost")
)

// Invalid is a request that cannot be carried out as it is, and why.
type Invalid struct{ Why string }

// Error returns the sentence.
func (e *Invalid) Error() string { return e.Why }

// Item is what the catalogue holds.
type Item struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	Description string `json:"description"`
	Price       int64  `json:"price"`          // in cents
	Cost        *int64 `json:"cost,omitempty"` // what we pay, in cents; for those with the token alone
	Version     int64  `json:"version"`        // counts the item's writes, from 1
	Updated     int64  `json:"updated"`        // milliseconds since 1970
}

// Draft is what a client writes.
type Draft struct {
	Name        string `json:"name"`
	Description string `json:"description"`
	Price       int64  `json:"price"`
	Cost        int64  `json:"cost"`
}

func (d Draft) validate() error {
	return cmp.Or(
		text("name", d.Name, 1, MaxName),
		text("description", d.Description, 0, MaxDescription),
		amount("price", d.Price),
		amount("cost", d.Cost),
	)
}

// text wants so many characters, none of which is invisible: a newline in a
// description is seen.
func text(field, s string, least, most int) error {
	n := utf8.RuneCountInString(s)
	switch {
	case !utf8.ValidString(s) || strings.ContainsRune(s, utf8.RuneError):
		return &Invalid{field + " is not valid UTF-8"}
	case n < least || n > most:
		return &Invalid{fmt.Sprintf("%s has %d characters, want %d to %d", field, n, least, most)}
	case strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) && r != '\n' }):
		return &Invalid{field + " holds a control character"}
	}
	return nil
}

func amount(field string, cents int64) error {
	if cents < 0 || cents > MaxPrice {
		return &Invalid{fmt.Sprintf("%s is %d cents, want 0 to %d", field, cents, MaxPrice)}
	}
	return nil
}

// Statement is SQL and its parameters.
type Statement struct {
	SQL  string
	Args []any
}

// Rows are the values that a statement returned: strings, int64, nil.
type Rows [][]any

// Database is D1, seen from where the code runs: in a Worker its binding.
type Database interface {
	// Batch runs statements in one transaction and returns the rows of each. Since
	// is a bookmark, and the answer is at least as new; empty asks the primary.
	// The bookmark that is returned covers what was read and written. An error is
	// ErrOverloaded where nothing was done, else whether is unknown; ErrLost where it is
	// worth asking again.
	Batch(ctx context.Context, since string, all ...Statement) (results []Rows, bookmark string, err error)
}

// Cache is a colo's own.
type Cache interface {
	// Get returns what was put under the key, or nil.
	Get(ctx context.Context, key string) (*Entry, error)
	// Put keeps an entry for FreshFor.
	Put(ctx context.Context, key string, e Entry) error
	// Delete takes a key out of this colo's cache, and of no other's.
	Delete(ctx context.Context, key string) error
}

// Entry is a cached answer.
type Entry struct {
	ETag  string
	Read  time.Time // when D1 was asked for it
	Until time.Time // it is not served later than that, whatever the cache keeps
	Body  []byte
}

// Settings is where the settings of the site are.
type Settings interface {
	// Settings returns a JSON document, which may be a minute old.
	Settings(ctx context.Context) ([]byte, error)
	// SetSettings replaces it. That takes up to a minute to be seen everywhere.
	SetSettings(ctx context.Context, doc []byte) error
}
