// Command echo is a role for the tests of package stack: it answers with its
// environment, is ready at once, and ends cleanly on SIGTERM.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "echo:", err)
		os.Exit(2)
	}
}

func run(ctx context.Context) error {
	if why := os.Getenv("FAIL"); why != "" {
		return errors.New(why)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/readyz", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("/env", func(w http.ResponseWriter, _ *http.Request) {
		if err := json.NewEncoder(w).Encode(os.Environ()); err != nil {
			fmt.Fprintln(os.Stderr, "echo:", err)
		}
	})
	srv := &http.Server{Addr: os.Getenv("ADDR"), Handler: mux}
	ended := make(chan error, 1)
	go func() { ended <- srv.ListenAndServe() }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
		return srv.Close()
	}
}
