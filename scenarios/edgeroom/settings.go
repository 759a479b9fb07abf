package edgeroom

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/provingground/provingground/pkg/edge/kv"
)

// Store keeps the settings: read everywhere, and old for up to a minute.
type Store interface {
	Read(ctx context.Context) (*Settings, error)
	Write(ctx context.Context, s Settings) error
}

// Settings are a document and its version. Versions are given in sequence by a
// Counter, so whoever reads can tell that it went back.
type Settings struct {
	Version  int64           `json:"version"`
	Document json.RawMessage `json:"document"`

	age time.Duration // of what was remembered while KV did not answer
}

// KV keeps them in Workers KV, the version beside the document.
type KV struct{ kv.Namespace }

const settingsKey = "settings"

// Read implements Store. A colo may answer out of its memory for a minute.
func (k KV) Read(ctx context.Context) (*Settings, error) {
	v, err := k.Namespace.Read(ctx, settingsKey, 0)
	if err != nil {
		return nil, err
	}
	if v == nil {
		return &Settings{Document: json.RawMessage("{}")}, nil
	}
	s := &Settings{Document: v.Data}
	return s, json.Unmarshal(v.Metadata, &s.Version)
}

// Write implements Store.
func (k KV) Write(ctx context.Context, s Settings) error {
	version := []byte(strconv.FormatInt(s.Version, 10))
	return k.Namespace.Write(ctx, settingsKey, kv.Value{Data: s.Document, Metadata: version}, 0)
}

// Remembering is a Store that answers what it read last where the other one does not
// answer: an instance of the Worker that has read them once needs KV no more. It does
// not wait for KV again each time.
type Remembering struct {
	Store
	Now func() time.Time

	mu   sync.Mutex
	last *Settings
	read time.Time // last
	ask  time.Time // not before
}

// again is how long a Store that did not answer is left alone.
const again = time.Second

// Read implements Store.
func (r *Remembering) Read(ctx context.Context) (*Settings, error) {
	if s := r.remembered(false); s != nil {
		return s, nil
	}
	reading, cancel := context.WithTimeout(ctx, Patience)
	defer cancel()
	s, err := r.Store.Read(reading)
	switch {
	case err == nil:
		r.remember(s)
		return s, nil
	case ctx.Err() != nil:
		return nil, err // the client left, which says nothing of the Store
	}
	if s := r.remembered(true); s != nil {
		return s, nil
	}
	return nil, err
}

// remembered is what was read last, where the Store does not answer or is not to be
// asked yet.
func (r *Remembering) remembered(silent bool) *Settings {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.Now()
	if silent {
		r.ask = now.Add(again)
	}
	if r.last == nil || !now.Before(r.ask) {
		return nil
	}
	s := *r.last
	s.age = max(now.Sub(r.read), time.Second) // seconds are whole, and 0 is none
	return &s
}

func (r *Remembering) remember(s *Settings) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last, r.read, r.ask = s, r.Now(), time.Time{}
}

// Write implements Store.
func (r *Remembering) Write(ctx context.Context, s Settings) error {
	ctx, cancel := context.WithTimeout(ctx, Patience)
	defer cancel()
	return r.Store.Write(ctx, s)
}

// getSettings answers what KV holds here. What it says may be a minute old, and an
// older version than another colo said before. While KV does not answer it is what
// the Worker remembers, and Age says since when.
func (w *Worker) getSettings(out http.ResponseWriter, r *http.Request) {
	s, err := w.Settings.Read(r.Context())
	if err == nil && s.age > 0 {
		out.Header().Set("Age", strconv.Itoa(int(s.age.Seconds())))
	}
	reply(out, s, err)
}

// putSettings replaces the document under a new version. Of two at once the one that
// KV took last stays, which may have the smaller version.
func (w *Worker) putSettings(out http.ResponseWriter, r *http.Request) {
	if !w.known(r) {
		out.Header().Set("WWW-Authenticate", "Bearer")
		refuse(out, http.StatusUnauthorized, "unauthorized", "settings are written with the token")
		return
	}
	doc, err := io.ReadAll(http.MaxBytesReader(out, r.Body, MaxSettings))
	if err != nil {
		refuse(out, http.StatusRequestEntityTooLarge, "too-large", "the settings are too large")
		return
	}
	if !json.Valid(doc) {
		reply(out, nil, &Invalid{"the settings are no JSON"})
		return
	}
	version, err := w.Version(r.Context(), rand.Text())
	if err != nil {
		reply(out, nil, err)
		return
	}
	s := Settings{Version: version, Document: doc}
	reply(out, s, w.Settings.Write(r.Context(), s))
}

// known says whether a request has the token; the time that takes tells nothing.
func (w *Worker) known(r *http.Request) bool {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	got, want := sha256.Sum256([]byte(token)), sha256.Sum256([]byte(w.Token))
	return ok && w.Token != "" && subtle.ConstantTimeCompare(got[:], want[:]) == 1
}
