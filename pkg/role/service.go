package role

import (
	"context"
	"io"
	"net/http"
	"sync/atomic"
	"time"
)

const (
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 10 * time.Second // of a whole request: who drips its body is cut off
	idleTimeout       = 2 * time.Minute
	maxHeaderBytes    = 16 << 10
)

// A Service is a process that answers requests on one listener, is administered
// on another, and works beside them.
type Service struct {
	Addr, AdminAddr string
	Public, Admin   http.Handler
	WriteTimeout    time.Duration // of an answer to a request; 0 sets no bound
	Drain           time.Duration // see Listeners.Serve

	// Work begins when the listeners are open and calls ready when the process may
	// get requests. Its context ends with the service's. If it fails, the service
	// ends with its error; if it returns nil, the service goes on until its context
	// ends.
	Work func(ctx context.Context, ready func()) error
}

// Run serves until ctx ends, a listener fails or the work does, and waits for all
// of them. GET /healthz and /readyz are answered before Public sees them, so that
// no limit on requests makes the process look dead; it is ready from Work's ready
// on, and not while it drains.
func (s Service) Run(ctx context.Context) error {
	var ready, draining atomic.Bool
	listeners, err := Listen(
		Listener{Purpose: "requests", Addr: s.Addr, Server: &http.Server{
			Handler:           health(func() bool { return ready.Load() && !draining.Load() }, s.Public),
			ReadHeaderTimeout: readHeaderTimeout, ReadTimeout: readTimeout, WriteTimeout: s.WriteTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeaderBytes,
		}},
		Listener{Purpose: "administration", Addr: s.AdminAddr, Server: &http.Server{
			Handler: s.Admin, ReadHeaderTimeout: readHeaderTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeaderBytes,
		}},
	)
	if err != nil {
		return err
	}
	working, stop := context.WithCancel(ctx)
	var failed error
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer stop()
		if failed = s.Work(working, func() { ready.Store(true) }); failed == nil {
			<-working.Done()
		}
	}()
	err = listeners.Serve(working, s.Drain, func(on bool) { draining.Store(!on) })
	stop()
	<-done
	if failed != nil {
		return failed
	}
	return err
}

func health(ready func() bool, next http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", next)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok\n") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if !ready() {
			http.Error(w, "starting or draining", http.StatusServiceUnavailable)
			return
		}
		io.WriteString(w, "ok\n")
	})
	return mux
}
