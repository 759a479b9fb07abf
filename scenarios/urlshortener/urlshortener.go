// Package urlshortener answers 10,000 redirects per second below 10 ms.
//
//	client ── GET /{code} ──▶ api ×2 ─ memory cache ─▶ Redis ─▶ DynamoDB (the truth)
//	                           │  (60 s bound)   (versioned)    consistent read, capped
//	                           └ clicks, counted in memory, flushed to Redis twice a second
//	owner ─ POST /api/links ─▶ api ── one transaction: link + idempotency record
//	owner ─ DELETE ──────────▶ api ── barrier in Redis, tombstone in DynamoDB, then tell everyone
//
// Start here: Service is the flow, one method per question a client asks. The
// boxes of the diagram are files: cache.go, redis.go, dynamodb.go, clicks.go;
// http.go and admin.go are the two listeners.
package urlshortener

import (
	"context"
	"crypto/subtle"
	"errors"
	"log/slog"
	"time"

	"github.com/provingground/provingground/pkg/checkedcode"
	"github.com/provingground/provingground/pkg/idempotency"
	"github.com/provingground/provingground/pkg/problem"
)

// What a caller can act on. Everything else is a dependency that failed.
var (
	ErrNotFound    = errors.New("no such link")
	ErrForbidden   = errors.New("the token does not manage this link")
	ErrAliasTaken  = errors.New("alias is taken")
	ErrKeyReused   = errors.New("idempotency key was used with another body")
	ErrBusy        = errors.New("another attempt with this key is running")
	ErrUnavailable = errors.New("not attempted")
)

// A Link is a short name and where it leads.
type Link struct {
	Code    string    // a generated code, or an alias that its owner chose
	Target  string    // absolute http or https URL
	Created time.Time // milliseconds
	Expires time.Time // zero: never
	Version int64     // grows with every change of the name; never reused within two days
	Deleted bool
	Token   [32]byte // SHA-256 of the management token
}

// liveAt reports whether the link redirects at that time. It is asked on every
// read: the store's own expiry only collects garbage, hours late.
func (l Link) liveAt(now time.Time) bool {
	return l.Target != "" && !l.Deleted && (l.Expires.IsZero() || now.Before(l.Expires))
}

// A Request asks for a new link.
type Request struct {
	Target  string
	Alias   string    // empty: a code is generated
	Expires time.Time // zero: never
	Key     string    // idempotency key
	Print   string    // fingerprint of the request as it came, see idempotency.Fingerprint
}

// Service creates, resolves and deletes links. Its methods are safe for
// concurrent use.
type Service struct {
	codes  checkedcode.Scheme
	tokens tokens
	store  *store
	shared *sharedCache
	memory *memoryCache
	clicks *clicks
	log    *slog.Logger
	now    func() time.Time
}

// Resolve returns the link behind a code or alias, from the nearest layer that
// knows it. A name that cannot exist costs no I/O.
func (s *Service) Resolve(ctx context.Context, name string) (*entry, error) {
	if !s.possible(name) {
		return nil, ErrNotFound
	}
	e, err := s.memory.get(ctx, name)
	if err != nil {
		return nil, err
	}
	if !e.link.liveAt(s.now()) {
		return nil, ErrNotFound
	}
	return e, nil
}

// possible tells names that may exist from those that cannot: the two grammars
// are disjoint, and a code carries check characters that need the key to make.
// A cached name was possible before, and looking it up is cheaper than the check.
func (s *Service) possible(name string) bool {
	return s.memory.holds(name) || s.codes.Valid(name) || ValidAlias(name) == nil
}

// Create makes a link and returns it with its management token. Repeated with
// the same key and body it returns the same link and token; it is durable when
// Create returns.
func (s *Service) Create(ctx context.Context, r Request) (Link, string, error) {
	if err := validExpiry(r.Expires, s.now()); err != nil {
		return s.answerAgain(ctx, r, problem.Invalid(err.Error())) // a retry may arrive after the link's life
	}
	if r.Alias != "" {
		return s.createAlias(ctx, r)
	}
	for range 3 {
		link := s.newLink(r, s.codes.New(), 1)
		stored, err := s.commit(ctx, r, link, nil)
		if errors.Is(err, errTaken) {
			continue // a collision: one in 10¹³ with a million links
		}
		return stored, s.tokens.of(r.Key), err
	}
	return Link{}, "", ErrBusy
}

// createAlias claims a name. One that was used before, and is deleted or
// expired, may be cached as such elsewhere, so its next life follows the same
// protocol as a deletion: barrier, commit, announcement.
func (s *Service) createAlias(ctx context.Context, r Request) (Link, string, error) {
	old, err := s.store.get(ctx, r.Alias)
	if err != nil {
		return Link{}, "", err
	}
	if old.liveAt(s.now()) {
		return s.answerAgain(ctx, r, ErrAliasTaken)
	}
	if old.Version > 0 {
		if err := s.shared.raiseBarrier(ctx, r.Alias); err != nil {
			return Link{}, "", err
		}
	}
	stored, err := s.commit(ctx, r, s.newLink(r, r.Alias, old.Version+1), &old)
	if errors.Is(err, errTaken) {
		return s.answerAgain(ctx, r, ErrAliasTaken)
	}
	return stored, s.tokens.of(r.Key), err
}

func (s *Service) newLink(r Request, name string, version int64) Link {
	return Link{
		Code:    name,
		Target:  r.Target,
		Created: s.now().Truncate(time.Millisecond),
		Expires: r.Expires.Truncate(time.Millisecond),
		Version: version,
		Token:   hashToken(s.tokens.of(r.Key)),
	}
}

// commit writes link and idempotency record together and makes the link known.
// What follows the transaction only saves others a read: a process that dies
// there has created the link all the same, and no cache says otherwise for
// longer than the second that an unknown name is remembered.
func (s *Service) commit(ctx context.Context, r Request, link Link, old *Link) (Link, error) {
	err := s.store.create(ctx, link, old, idempotency.Record{Key: r.Key, Fingerprint: r.Print, Answer: []byte(link.Code)}, s.now())
	if errors.Is(err, idempotency.ErrExists) {
		again, _, err := s.answerAgain(ctx, r, ErrBusy)
		return again, err
	}
	if err != nil {
		return Link{}, err
	}
	s.memory.drop(link.Code)
	if err := s.shared.announce(ctx, link); err != nil {
		s.log.Warn("creation not announced: others read it from the store", "error", err)
	}
	return link, nil
}

// answerAgain gives the answer that the key got before, or otherwise if there is none.
func (s *Service) answerAgain(ctx context.Context, r Request, otherwise error) (Link, string, error) {
	rec, found, err := s.store.keys.Get(ctx, r.Key, s.now())
	if err != nil {
		return Link{}, "", err
	}
	if !found {
		return Link{}, "", otherwise
	}
	if rec.Fingerprint != r.Print {
		return Link{}, "", ErrKeyReused
	}
	link, err := s.store.get(ctx, string(rec.Answer))
	if err != nil {
		return Link{}, "", err
	}
	// The link may be deleted or expired by now: the answer of then still stands.
	link.Target, link.Expires = r.Target, r.Expires.Truncate(time.Millisecond)
	return link, s.tokens.of(r.Key), nil
}

// Describe returns a link and its clicks to its owner. Clicks are approximate:
// up to a second behind, and up to a second of them is lost when a process dies.
func (s *Service) Describe(ctx context.Context, name, token string) (Link, int64, error) {
	link, err := s.owned(ctx, name, token)
	if err != nil {
		return Link{}, 0, err
	}
	if !link.liveAt(s.now()) {
		return Link{}, 0, ErrNotFound
	}
	n, err := s.shared.clicksOf(ctx, name)
	return link, n, err
}

// Delete ends a link for good. It is repeatable: the tombstone keeps the
// owner's token hash for two days.
func (s *Service) Delete(ctx context.Context, name, token string) error {
	link, err := s.owned(ctx, name, token)
	if err != nil {
		return err
	}
	return s.end(ctx, link)
}

// TakeDown deletes a link without its owner, for abuse.
func (s *Service) TakeDown(ctx context.Context, name string) error {
	link, err := s.store.get(ctx, name)
	if err != nil {
		return err
	}
	if link.Version == 0 {
		return ErrNotFound
	}
	return s.end(ctx, link)
}

// end takes a link out of service in an order that no crash can spoil.
//
//  1. A barrier in Redis: for a minute, nobody trusts or fills the shared cache
//     for this name. Without it nothing happens at all.
//  2. The tombstone in DynamoDB. From here the link is deleted.
//  3. The tombstone in Redis replaces the barrier, and every process is told.
//     Should this be lost, the barrier outlives every memory cache.
func (s *Service) end(ctx context.Context, link Link) error {
	if !link.Deleted {
		if err := s.shared.raiseBarrier(ctx, link.Code); err != nil {
			return err
		}
		ended, err := s.store.delete(ctx, link, s.now())
		if err != nil {
			return err
		}
		link = ended
	}
	s.memory.drop(link.Code)
	if err := s.shared.announce(ctx, link); err != nil {
		s.log.Warn("deletion not announced: the barrier bounds it", "error", err)
	}
	return nil
}

// owned returns the link, straight from the store, if token manages it.
func (s *Service) owned(ctx context.Context, name, token string) (Link, error) {
	if !s.possible(name) {
		return Link{}, ErrNotFound
	}
	link, err := s.store.get(ctx, name)
	if err != nil {
		return Link{}, err
	}
	if link.Version == 0 {
		return Link{}, ErrNotFound
	}
	hash := hashToken(token)
	if subtle.ConstantTimeCompare(hash[:], link.Token[:]) != 1 {
		return Link{}, ErrForbidden
	}
	return link, nil
}
