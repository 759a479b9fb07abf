package edgeroom

import (
	"context"
	_ "embed" // of the page
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/provingground/provingground/pkg/edge/durable"
)

//go:embed page.html
var page string

// Worker finds the object of a request, in the colo where it arrives.
type Worker struct {
	Counters, Rooms Objects
	Settings        Store
	Token           string // of who may write settings
	Kill            bool   // whoever asks may end an object: for demonstrations
	Log             *slog.Logger
}

// Objects are those of a class, by name.
type Objects interface {
	Get(name string) durable.Stub
}

// Handler answers requests.
func (w *Worker) Handler() http.Handler {
	mux := http.NewServeMux()
	page := page
	if w.Kill {
		page = killButton(page)
		methods{http.MethodPost: w.kill(w.Counters)}.handle(mux, "/api/counters/{name}/kill")
		methods{http.MethodPost: w.kill(w.Rooms)}.handle(mux, "/api/rooms/{name}/kill")
	}
	mux.HandleFunc("GET /healthz", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("GET /{$}", func(out http.ResponseWriter, _ *http.Request) {
		out.Header().Set("Content-Type", "text/html; charset=utf-8")
		out.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'")
		_, _ = out.Write([]byte(page)) // the client may have gone
	})
	counters, rooms := w.forward(w.Counters), w.forward(w.Rooms)
	for _, r := range []struct {
		path    string
		methods methods
	}{
		{"/api/settings", methods{http.MethodGet: w.getSettings, http.MethodPut: w.putSettings}},
		{"/api/counters/{name}", methods{http.MethodGet: counters}},
		{"/api/counters/{name}/increments", methods{http.MethodPost: counters}},
		{"/api/rooms/{name}", methods{http.MethodGet: rooms}},
		{"/api/rooms/{name}/members", methods{http.MethodGet: rooms}},
		{"/api/rooms/{name}/messages", methods{http.MethodGet: rooms}},
	} {
		r.methods.handle(mux, r.path)
	}
	mux.HandleFunc("/", func(out http.ResponseWriter, _ *http.Request) {
		refuse(out, http.StatusNotFound, "not-found", "there is nothing at this path")
	})
	return mux
}

// methods are those of a path.
type methods map[string]http.HandlerFunc

// handle answers other methods, too, which the mux would not do as a problem.
func (m methods) handle(mux *http.ServeMux, path string) {
	for method, h := range m {
		mux.HandleFunc(method+" "+path, h)
	}
	allow := strings.Join(slices.Sorted(maps.Keys(m)), ", ")
	mux.HandleFunc(path, func(out http.ResponseWriter, _ *http.Request) {
		out.Header().Set("Allow", allow)
		refuse(out, http.StatusMethodNotAllowed, "method-not-allowed", "use "+allow)
	})
}

// forward passes a request to its object, and the answer back, a WebSocket included.
func (w *Worker) forward(all Objects) http.HandlerFunc {
	return func(out http.ResponseWriter, r *http.Request) {
		name := r.PathValue("name")
		if err := checkName(name); err != nil {
			reply(out, nil, err)
			return
		}
		if err := all.Get(name).Forward(out, r); err != nil {
			w.Log.ErrorContext(r.Context(), "no answer of an object", "path", r.Pattern, "error", err)
			reply(out, nil, err)
		}
	}
}

// versions is the counter that numbers the settings. Its name is none that a request
// can have.
const versions = "settings versions"

// Version returns the next version of the settings.
func (w *Worker) Version(ctx context.Context, key string) (int64, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://counter/api/counters/settings/increments", strings.NewReader("{}"))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Idempotency-Key", key)
	resp, err := w.Counters.Get(versions).RoundTrip(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusServiceUnavailable {
		return 0, ErrBusy
	}
	if resp.StatusCode != http.StatusOK {
		return 0, fmt.Errorf("next version of the settings: %s", resp.Status)
	}
	var c counted
	if err := json.NewDecoder(resp.Body).Decode(&c); err != nil {
		return 0, fmt.Errorf("next version of the settings: %w", err)
	}
	return c.Value, nil
}
