// Command conformance is a Worker that uses everything in package edge. The tests
// beside it run it inside workerd.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/provingground/provingground/pkg/edge"
	"github.com/provingground/provingground/pkg/edge/durable"
	"github.com/provingground/provingground/pkg/edge/kv"
)

func main() {
	w := &worker{log: slog.New(edge.NewLogHandler(nil)), store: kv.Namespace{Binding: "KV"}, freed: make(chan struct{}, 1)}
	err := edge.Serve(edge.App{
		Handler:   w.handler(),
		Scheduled: w.scheduled,
		Queue:     w.consume,
		Objects:   map[string]durable.New{"Room": newRoom},
	})
	fmt.Fprintln(os.Stderr, "conformance:", err)
	os.Exit(2)
}

// worker is what all requests share.
type worker struct {
	log   *slog.Logger
	store kv.Namespace
	freed chan struct{} // a timer of a request that has ended sends here

	lock sync.Mutex // held across calls that wait
	held int        // how often it was
	left string     // what a handler saw when its client went away
}

func (w *worker) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/healthz", func(http.ResponseWriter, *http.Request) {})
	w.requests(mux)
	w.objects(mux)
	mux.HandleFunc("GET /check/{name}", check)
	mux.HandleFunc("POST /send", w.send)
	mux.HandleFunc("GET /kv/{key}", func(out http.ResponseWriter, r *http.Request) {
		value, err := w.store.Get(r.Context(), r.PathValue("key"), 0)
		answer(out, string(value), err)
	})
	return mux
}

// check runs one of the checks and says what was wrong.
func check(w http.ResponseWriter, r *http.Request) {
	f, ok := checks()[r.PathValue("name")]
	if !ok {
		http.NotFound(w, r)
		return
	}
	answer(w, "ok", f(r.Context()))
}

// answer is JSON, or a text with the status 500.
func answer(w http.ResponseWriter, v any, err error) {
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // the client may have gone
}

func (w *worker) scheduled(ctx context.Context, cron string, _ time.Time) error {
	return w.store.Put(ctx, "scheduled", []byte(cron))
}
