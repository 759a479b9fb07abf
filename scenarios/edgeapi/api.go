package edgeapi

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"time"
)

// API answers requests. One API serves all requests of an isolate at once.
type API struct {
	Items    Items
	Cache    Cache
	Settings Settings
	Token    string // of those who may write and see costs
	Admit    *Admission
	Now      func() time.Time // default: time.Now
	// Early is by how much sooner than FreshFor an answer is read anew. Where it
	// differs, what was cached at once does not end at once. Default: not at all.
	Early func() time.Duration
	// Later runs what the answer need not wait for; default: before the answer.
	Later func(ctx context.Context, f func(context.Context))
	Log   *slog.Logger

	purged generations
}

// Handler returns the API's routes.
func (a *API) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/items", a.list)
	mux.HandleFunc("POST /api/items", a.create)
	mux.HandleFunc("GET /api/items/{id}", a.get)
	mux.HandleFunc("PUT /api/items/{id}", a.update)
	mux.HandleFunc("DELETE /api/items/{id}", a.remove)
	mux.HandleFunc("GET /api/settings", a.settings)
	mux.HandleFunc("PUT /api/settings", a.setSettings)
	// The mux would answer these two itself, and not as a problem.
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		problem(w, http.StatusNotFound, "there is nothing at this path")
	})
	for path, allow := range map[string]string{"/api/items": "GET, POST", "/api/items/{id}": "GET, PUT, DELETE", "/api/settings": "GET, PUT"} {
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Allow", allow)
			problem(w, http.StatusMethodNotAllowed, "use "+allow)
		})
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// What health checks ask costs nothing, and is not refused.
		if r.URL.Path == "/healthz" {
			w.WriteHeader(http.StatusOK)
			return
		}
		if !a.Admit.Allow(a.now()) {
			unavailable(w, "too many requests for this instance; nothing was done")
			return
		}
		mux.ServeHTTP(w, r)
	})
}

func (a *API) now() time.Time {
	if a.Now == nil {
		return time.Now()
	}
	return a.Now()
}

// known tells who asks: nobody in particular, or somebody with the token. Whoever
// shows another one is answered here.
func (a *API) known(w http.ResponseWriter, r *http.Request) (known, answered bool) {
	given := r.Header.Get("Authorization")
	if given == "" {
		return false, false
	}
	// Hashes have one length, whatever was sent.
	want, got := sha256.Sum256([]byte("Bearer "+a.Token)), sha256.Sum256([]byte(given))
	if a.Token != "" && subtle.ConstantTimeCompare(want[:], got[:]) == 1 {
		return true, false
	}
	w.Header().Set("WWW-Authenticate", `Bearer realm="items"`)
	problem(w, http.StatusUnauthorized, "this token is not known")
	return false, true
}

func (a *API) settings(w http.ResponseWriter, r *http.Request) {
	body, err := a.Settings.Settings(r.Context())
	if err != nil {
		a.failed(w, r, err)
		return
	}
	header := w.Header()
	header.Set("Content-Type", "application/json")
	header.Set("Cache-Control", "public, max-age=60")
	a.write(w, body)
}

// setSettings replaces the settings: to repeat it changes nothing more.
func (a *API) setSettings(w http.ResponseWriter, r *http.Request) {
	known, answered := a.known(w, r)
	if answered {
		return
	}
	if !known {
		a.unknown(w)
		return
	}
	doc, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxBody))
	if err == nil && !json.Valid(doc) {
		err = &Invalid{"settings are a JSON document"}
	}
	if err == nil {
		err = a.Settings.SetSettings(r.Context(), doc)
	}
	if err != nil {
		a.wrote(w, r, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (a *API) unknown(w http.ResponseWriter) {
	w.Header().Set("WWW-Authenticate", `Bearer realm="items"`)
	problem(w, http.StatusUnauthorized, "writes need a token")
}

// write sends a body; whoever left does not get it.
func (a *API) write(w http.ResponseWriter, body []byte) {
	if _, err := w.Write(body); err != nil {
		a.Log.Debug("answer not sent", "error", err)
	}
}
