// Package idempotencytest asks a running HTTP service whether its POSTs are
// safe to repeat. It knows nothing but the wire, so it judges a service in any
// language over any store.
package idempotencytest

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/provingground/provingground/pkg/idempotency"
)

const (
	attempts   = 8 // at once
	maxAnswer  = 1 << 20
	checkLimit = time.Minute // for one check; only a service that hangs meets it
)

// Suite describes one request with an effect. Its success answer must name the
// effect, by an id for example: two effects are told apart by their answers.
type Suite struct {
	URLs        []string // base URLs of processes that share a store; attempts go to them in turn
	Method      string
	Path        string
	ContentType string
	Body        string // may be sent any number of times, under new keys
	Other       string // as Body, and not equal to it
	Success     int    // status, such as 201
	// Effects returns how many effects there are so far. With nil they are
	// known by the answers only.
	Effects func(context.Context) (int, error)
}

// Run runs every check as a subtest. The service may serve others meanwhile,
// unless Effects is given.
func Run(t *testing.T, s Suite) {
	t.Helper()
	for _, c := range checks() {
		t.Run(c.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), checkLimit)
			defer cancel()
			if err := c.run(ctx, s); err != nil {
				t.Error(err)
			}
		})
	}
}

// check is a promise and how it is tried.
type check struct {
	name string
	run  func(context.Context, Suite) error
}

func checks() []check {
	return []check{
		{"same key and body get the stored answer", storedAnswer},
		{"same key with another body is refused with 422", otherBody},
		{"equal requests at once have one effect", atOnce},
		{"a malformed key is refused with 400", malformedKey},
		{"without a key every request is a new one", noKey},
	}
}

func storedAnswer(ctx context.Context, s Suite) error {
	key := rand.Text()
	return s.wantEffects(ctx, 1, func() error {
		first, err := s.succeed(ctx, 0, s.Body, key)
		if err != nil {
			return err
		}
		for i := range 2 * len(s.URLs) {
			again, err := s.succeed(ctx, i+1, s.Body, key)
			if err != nil {
				return fmt.Errorf("repeated: %w", err)
			}
			if !bytes.Equal(first.body, again.body) {
				return fmt.Errorf("repeated request got %q, the first one %q", again.body, first.body)
			}
		}
		return nil
	})
}

func otherBody(ctx context.Context, s Suite) error {
	key := rand.Text()
	return s.wantEffects(ctx, 1, func() error {
		first, err := s.succeed(ctx, 0, s.Body, key)
		if err != nil {
			return err
		}
		for i := range s.URLs {
			if err := s.refused(ctx, i, s.Other, http.StatusUnprocessableEntity, key); err != nil {
				return fmt.Errorf("other body: %w", err)
			}
		}
		again, err := s.succeed(ctx, 0, s.Body, key)
		if err != nil {
			return fmt.Errorf("first body, after the other one: %w", err)
		}
		if !bytes.Equal(first.body, again.body) {
			return fmt.Errorf("after another body the key answers %q, before %q", again.body, first.body)
		}
		return nil
	})
}

// atOnce sends equal requests together. Whoever is not served is told to ask
// again, and does so when all have been answered.
func atOnce(ctx context.Context, s Suite) error {
	key := rand.Text()
	return s.wantEffects(ctx, 1, func() error {
		answers, err := s.together(ctx, key)
		if err != nil {
			return err
		}
		last, err := s.succeed(ctx, 0, s.Body, key)
		if err != nil {
			return fmt.Errorf("asked again: %w", err)
		}
		for _, a := range answers {
			if a.status == s.Success && !bytes.Equal(a.body, last.body) {
				return fmt.Errorf("one of %d equal requests got %q, another %q", attempts, a.body, last.body)
			}
		}
		return nil
	})
}

// together returns the answers of equal requests, each a success or 409 with Retry-After.
func (s Suite) together(ctx context.Context, key string) ([]answer, error) {
	type result struct {
		answer answer
		err    error
	}
	results := make(chan result, attempts)
	for i := range attempts {
		go func() {
			a, err := s.send(ctx, i, s.Body, key)
			results <- result{a, err}
		}()
	}
	var answers []answer
	var errs []error
	for range attempts {
		r := <-results
		answers = append(answers, r.answer)
		errs = append(errs, r.err)
		if r.err == nil {
			errs = append(errs, s.servedOrBusy(r.answer))
		}
	}
	return answers, errors.Join(errs...)
}

func (s Suite) servedOrBusy(a answer) error {
	switch {
	case a.status == s.Success:
		return nil
	case a.status != http.StatusConflict:
		return fmt.Errorf("one of %d equal requests got %v, want %d or 409", attempts, a, s.Success)
	case a.header.Get("Retry-After") == "":
		return fmt.Errorf("409 without Retry-After: %v", a)
	}
	return nil
}

func malformedKey(ctx context.Context, s Suite) error {
	return s.wantEffects(ctx, 0, func() error {
		for _, keys := range [][]string{
			{""},
			{strings.Repeat("k", idempotency.MinKey-1)},
			{strings.Repeat("k", idempotency.MaxKey+1)},
			{"a key with spaces in it"},
			{"a-key-with-ü-beyond-ascii"},
			{rand.Text(), rand.Text()},
		} {
			if err := s.refused(ctx, 0, s.Body, http.StatusBadRequest, keys...); err != nil {
				return fmt.Errorf("key %q: %w", keys, err)
			}
		}
		return nil
	})
}

func noKey(ctx context.Context, s Suite) error {
	return s.wantEffects(ctx, 2, func() error {
		first, err := s.succeed(ctx, 0, s.Body)
		if err != nil {
			return err
		}
		second, err := s.succeed(ctx, 0, s.Body)
		if err != nil {
			return err
		}
		if bytes.Equal(first.body, second.body) {
			return fmt.Errorf("two requests without a key got one answer: %q", first.body)
		}
		return nil
	})
}

// wantEffects runs do and compares how many effects it had.
func (s Suite) wantEffects(ctx context.Context, want int, do func() error) error {
	if s.Effects == nil {
		return do()
	}
	before, err := s.Effects(ctx)
	if err != nil {
		return fmt.Errorf("count effects: %w", err)
	}
	if err := do(); err != nil {
		return err
	}
	after, err := s.Effects(ctx)
	if err != nil {
		return fmt.Errorf("count effects: %w", err)
	}
	if after-before != want {
		return fmt.Errorf("%d effects, want %d", after-before, want)
	}
	return nil
}

func (s Suite) succeed(ctx context.Context, turn int, body string, keys ...string) (answer, error) {
	a, err := s.send(ctx, turn, body, keys...)
	if err == nil && a.status != s.Success {
		err = fmt.Errorf("got %v, want %d", a, s.Success)
	}
	return a, err
}

// refused wants a problem document (RFC 9457) with the status.
func (s Suite) refused(ctx context.Context, turn int, body string, status int, keys ...string) error {
	a, err := s.send(ctx, turn, body, keys...)
	if err != nil {
		return err
	}
	if a.status != status {
		return fmt.Errorf("got %v, want %d", a, status)
	}
	kind, _, err := mime.ParseMediaType(a.header.Get("Content-Type"))
	if err != nil || kind != "application/problem+json" {
		return fmt.Errorf("%d of type %q, want application/problem+json", status, a.header.Get("Content-Type"))
	}
	return nil
}

// answer is a response that was read to its end.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func (a answer) String() string {
	return fmt.Sprintf("%d %q", a.status, a.body[:min(len(a.body), 300)])
}

// send makes one attempt, at the process whose turn it is, without following redirects.
func (s Suite) send(ctx context.Context, turn int, body string, keys ...string) (answer, error) {
	url := strings.TrimSuffix(s.URLs[turn%len(s.URLs)], "/") + s.Path
	req, err := http.NewRequestWithContext(ctx, s.Method, url, strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	req.Header.Set("Content-Type", s.ContentType)
	for _, key := range keys {
		req.Header.Add(idempotency.Header, key)
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return answer{}, fmt.Errorf("read answer: %w", err)
	}
	return answer{resp.StatusCode, resp.Header, raw}, nil
}
