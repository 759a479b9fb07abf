package idempotencytest

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/provingground/provingground/pkg/idempotency"
)

// shop is a service that keeps every promise of the suite, except those that
// its fields break.
type shop struct {
	forgets     bool // keeps no record
	ignoresBody bool // compares no fingerprint
	takesAnyKey bool // reads no grammar
	wantsKey    bool // refuses requests without one
	plainErrors bool // no problem documents
	neverReady  bool // answers a known key with 409, without Retry-After
	doubles     bool // has a second effect that no answer shows

	mu      sync.Mutex
	orders  int
	answers map[string]stored
}

type stored struct{ print, answer string }

func (s *shop) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	key, err := idempotency.Key(r.Header)
	if s.takesAnyKey {
		key, err = r.Header.Get(idempotency.Header), nil
	}
	if err != nil || (key == "" && s.wantsKey) {
		s.fail(w, http.StatusBadRequest)
		return
	}
	s.order(w, key, idempotency.Fingerprint(string(raw)))
}

func (s *shop) order(w http.ResponseWriter, key, print string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	old, known := s.answers[key]
	switch {
	case known && old.print != print && !s.ignoresBody:
		s.fail(w, http.StatusUnprocessableEntity)
		return
	case known && s.neverReady:
		s.fail(w, http.StatusConflict)
		return
	case known:
		s.answer(w, old.answer)
		return
	}
	s.orders++
	if s.doubles {
		s.orders++
	}
	answer := fmt.Sprintf("order %d", s.orders)
	if key != "" && !s.forgets {
		s.answers[key] = stored{print, answer}
	}
	s.answer(w, answer)
}

func (s *shop) answer(w http.ResponseWriter, body string) {
	w.WriteHeader(http.StatusCreated)
	io.WriteString(w, body)
}

func (s *shop) fail(w http.ResponseWriter, status int) {
	if !s.plainErrors {
		w.Header().Set("Content-Type", "application/problem+json")
	}
	w.WriteHeader(status)
}

func (s *shop) count(context.Context) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.orders, nil
}

func (s *shop) suite(t *testing.T) Suite {
	t.Helper()
	s.answers = make(map[string]stored)
	srv := httptest.NewServer(s)
	t.Cleanup(srv.Close)
	return Suite{
		URLs: []string{srv.URL, srv.URL + "/"}, Method: http.MethodPost, Path: "/orders", ContentType: "text/plain",
		Body: "a book", Other: "a pen", Success: http.StatusCreated, Effects: s.count,
	}
}

func TestAServiceThatKeepsThePromisesPasses(t *testing.T) {
	s := (&shop{}).suite(t)
	Run(t, s)
	s.Effects = nil
	Run(t, s)
}

func TestEveryBrokenPromiseIsNoticed(t *testing.T) {
	for _, tt := range []struct {
		name  string
		shop  *shop
		check func(context.Context, Suite) error
		want  string
	}{
		{"answers are not stored", &shop{forgets: true}, storedAnswer, "the first one"},
		{"the effect is doubled", &shop{doubles: true}, storedAnswer, "2 effects, want 1"},
		{"another body is taken", &shop{ignoresBody: true}, otherBody, "want 422"},
		{"422 is no problem document", &shop{plainErrors: true}, otherBody, "want application/problem+json"},
		{"equal requests have an effect each", &shop{forgets: true}, atOnce, "one of 8 equal requests"},
		{"equal requests double the effect", &shop{doubles: true}, atOnce, "2 effects, want 1"},
		{"409 does not say when to ask again", &shop{neverReady: true}, atOnce, "409 without Retry-After"},
		{"any key is taken", &shop{takesAnyKey: true}, malformedKey, "want 400"},
		{"400 is no problem document", &shop{plainErrors: true}, malformedKey, "want application/problem+json"},
		{"a key is demanded", &shop{wantsKey: true}, noKey, "want 201"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.check(t.Context(), tt.shop.suite(t))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("the check says %v, want %q", err, tt.want)
			}
		})
	}
}
