package machine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// maxLife ends a reference server whose parent was killed.
const maxLife = time.Minute

// ReferenceServer serves the reference on addr, a port of 127.0.0.1 or port 0:
// a bare net/http handler that answers 302. It writes the address it listens on
// as one line to out and returns nil when ctx ends, at the latest after a minute.
//
// It is meant to be a process of its own; see [MeasureReference].
func ReferenceServer(ctx context.Context, addr string, out io.Writer) error {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return fmt.Errorf("machine: reference server: %w", err)
	}
	srv := &http.Server{Handler: redirect(), ReadHeaderTimeout: 10 * time.Second}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(l) }()
	if _, err := fmt.Fprintln(out, l.Addr()); err != nil {
		return errors.Join(fmt.Errorf("machine: reference server: %w", err), srv.Close(), <-served)
	}
	ctx, cancel := context.WithTimeout(ctx, maxLife)
	defer cancel()
	select {
	case err := <-served:
		return fmt.Errorf("machine: reference server: %w", err)
	case <-ctx.Done():
		err := srv.Close()
		<-served
		return err
	}
}

// redirect presets its headers as slices, so that the reference is net/http and
// hardly anything else.
func redirect() http.Handler {
	location := []string{"https://example.test/landing/page"}
	length := []string{"0"}
	kind := []string{"text/plain; charset=utf-8"}
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		h := w.Header()
		h["Location"], h["Content-Length"], h["Content-Type"] = location, length, kind
		w.WriteHeader(http.StatusFound)
	})
}
