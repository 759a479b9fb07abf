// Package role is what every long-running program of a service needs around
// its own work: exit codes, a health check for containers without a shell, and
// HTTP listeners that are drained before they close.
//
// The end of a role, step by step: it turns unready, waits until the balancer
// has noticed, stops accepting, finishes what runs.
package role

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// ErrUsage marks what the operator has to mend. Main exits with 2 for it.
var ErrUsage = errors.New("configuration")

// Main runs a program until it ends or SIGINT or SIGTERM ends its context, and
// exits: 0, 1 for an error, 2 for ErrUsage. The error is one line on standard error.
func Main(name string, run func(ctx context.Context, env func(string) string, args []string, out io.Writer) error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Getenv, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, name+":", err)
	}
	switch {
	case errors.Is(err, ErrUsage):
		os.Exit(2)
	case err != nil:
		os.Exit(1)
	}
}

// Healthcheck does what `program healthcheck` asks for: it looks whether the
// process at addr is ready. Without arguments it reports false; any other
// argument is an ErrUsage.
func Healthcheck(ctx context.Context, addr string, args []string) (asked bool, err error) {
	if len(args) == 0 {
		return false, nil
	}
	if len(args) > 1 || args[0] != "healthcheck" {
		return true, fmt.Errorf("%w: unknown argument %q: the only one is healthcheck", ErrUsage, args[0])
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+"/readyz", nil)
	if err != nil {
		return true, fmt.Errorf("%w: ADDR: %w", ErrUsage, err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return true, fmt.Errorf("healthcheck: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return true, fmt.Errorf("healthcheck: %s", resp.Status)
	}
	return true, nil
}

// Authorized reports whether the request carries the bearer token. It takes the
// same time whatever was sent.
func Authorized(r *http.Request, token string) bool {
	want := sha256.Sum256([]byte("Bearer " + token))
	got := sha256.Sum256([]byte(r.Header.Get("Authorization")))
	return subtle.ConstantTimeCompare(got[:], want[:]) == 1
}
