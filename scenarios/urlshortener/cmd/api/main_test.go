//go:build unix

package main

import (
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/provingground/provingground/deploy/local/server"
	"github.com/provingground/provingground/pkg/role"
)

const (
	nobody = "127.0.0.1:1" // nothing listens there
	secret = "a secret that is long enough to pass"
)

// environment returns a complete one, with changes: an empty value unsets.
func environment(changes map[string]string) func(string) string {
	all := map[string]string{
		"ADDR":        nobody,
		"ADMIN_ADDR":  nobody,
		"PUBLIC_URL":  "https://sho.rt",
		"LINKS_TABLE": "links",
		"REDIS_URL":   "redis://" + nobody + "/0",
		"CODE_KEY":    secret,
		"ADMIN_TOKEN": secret,
		"DRAIN_DELAY": "0s",
	}
	maps.Copy(all, changes)
	return func(name string) string { return all[name] }
}

func TestEveryBadVariableIsNamedInOneLine(t *testing.T) {
	for _, tt := range []struct{ variable, value string }{
		{"ADDR", ""},
		{"ADMIN_ADDR", ""},
		{"LINKS_TABLE", ""},

		{"PUBLIC_URL", ""},
		{"PUBLIC_URL", "sho.rt"},
		{"PUBLIC_URL", "/path"},
		{"PUBLIC_URL", "ftp://sho.rt"},
		{"PUBLIC_URL", "https://[::1"},

		{"REDIS_URL", ""},
		{"REDIS_URL", "127.0.0.1:6379"},
		{"REDIS_URL", "http://127.0.0.1:6379"},
		{"REDIS_URL", "redis://user:hunter2@127.0.0.1:port"},

		{"CODE_KEY", ""},
		{"CODE_KEY", "hunter2"},
		{"ADMIN_TOKEN", ""},
		{"ADMIN_TOKEN", "hunter2"},

		{"STORE_READS_PER_SECOND", "many"},
		{"STORE_READS_PER_SECOND", "0"},
		{"STORE_READS_PER_SECOND", "-1"},
		{"STORE_READS_PER_SECOND", "NaN"},
		{"STORE_READS_PER_SECOND", "+Inf"},

		{"ADMIT_PER_SECOND", "0"},
		{"ADMIT_PER_SECOND", "all"},

		{"DRAIN_DELAY", "2"},
		{"DRAIN_DELAY", "soon"},
		{"DRAIN_DELAY", "-1s"},
		{"DRAIN_DELAY", "2m"},
	} {
		t.Run(tt.variable+"="+tt.value, func(t *testing.T) {
			err := run(t.Context(), environment(map[string]string{tt.variable: tt.value}), nil, io.Discard)
			if !errors.Is(err, role.ErrUsage) || !strings.Contains(err.Error(), tt.variable+" must be ") {
				t.Fatalf("run = %v, want a configuration error that names %s", err, tt.variable)
			}
			if strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("run = %q, want one line without the secret", err)
			}
		})
	}
}

func TestAnUnknownArgumentIsRefused(t *testing.T) {
	for _, args := range [][]string{{"healthchek"}, {"-v"}, {"healthcheck", "now"}} {
		err := run(t.Context(), environment(nil), args, io.Discard)
		if !errors.Is(err, role.ErrUsage) || !strings.Contains(err.Error(), strconv.Quote(args[0])) {
			t.Errorf("run %q = %v, want a configuration error that names the argument", args, err)
		}
	}
}

func TestHealthcheckFailsWhereNothingListens(t *testing.T) {
	err := run(t.Context(), environment(nil), []string{"healthcheck"}, io.Discard)
	if err == nil || errors.Is(err, role.ErrUsage) || !strings.Contains(err.Error(), nobody) {
		t.Errorf("healthcheck = %v, want an error that names %s and is no configuration error", err, nobody)
	}
}

func TestHealthcheckFailsWithAnAddressThatIsNone(t *testing.T) {
	err := run(t.Context(), environment(map[string]string{"ADDR": "no address\n"}), []string{"healthcheck"}, io.Discard)
	if !errors.Is(err, role.ErrUsage) || !strings.Contains(err.Error(), "ADDR") {
		t.Errorf("healthcheck = %v, want a configuration error that names ADDR", err)
	}
}

func TestAPortThatIsTakenIsAnError(t *testing.T) {
	taken, _ := started(t)
	err := run(t.Context(), environment(map[string]string{"ADDR": taken, "ADMIN_ADDR": taken}), nil, io.Discard)
	if err == nil || !strings.Contains(err.Error(), taken) {
		t.Errorf("run = %v, want an error that names %s", err, taken)
	}
}

func TestItServesWithoutRedisAndEndsWithItsContext(t *testing.T) {
	addr, end := started(t)
	for path, want := range map[string]int{
		"/healthz":    http.StatusOK,
		"/readyz":     http.StatusOK, // a dependency that is away is no reason to leave the balancer
		"/0123456789": http.StatusNotFound,
	} {
		if status, err := get(t, "http://"+addr+path); err != nil || status != want {
			t.Errorf("GET %s = %d, %v; want %d", path, status, err, want)
		}
	}
	healthcheck := func() error {
		return run(t.Context(), environment(map[string]string{"ADDR": addr}), []string{"healthcheck"}, io.Discard)
	}
	if err := healthcheck(); err != nil {
		t.Errorf("healthcheck of a running one = %v", err)
	}
	if err := end(); err != nil {
		t.Errorf("run = %v after its context ended, want nil", err)
	}
	if err := healthcheck(); err == nil {
		t.Error("it still answers after its end")
	}
}

// started runs an api on ports of its own, without Redis and DynamoDB, and
// returns its address when it is ready. What end returns is run's own error.
func started(t *testing.T) (addr string, end func() error) {
	t.Helper()
	t.Setenv("AWS_REGION", "us-east-1")
	t.Setenv("AWS_CONFIG_FILE", "/dev/null") // not the machine's
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
	ports, err := server.FreePorts(2)
	if err != nil {
		t.Fatal(err)
	}
	addr = "127.0.0.1:" + strconv.Itoa(ports[0])
	env := environment(map[string]string{"ADDR": addr, "ADMIN_ADDR": "127.0.0.1:" + strconv.Itoa(ports[1])})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		err = run(ctx, env, nil, t.Output())
	}()
	end = func() error {
		cancel()
		<-ended
		return err
	}
	t.Cleanup(func() {
		if err := end(); err != nil {
			t.Errorf("run: %v", err)
		}
	})
	awaitReady(t, addr, ended)
	return addr, end
}

func awaitReady(t *testing.T, addr string, ended <-chan struct{}) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		if status, err := get(t, "http://"+addr+"/readyz"); err == nil && status == http.StatusOK {
			return
		}
		select {
		case <-tick.C:
		case <-ended:
			t.Fatal("it ended before it was ready")
		}
	}
}

func get(t *testing.T, url string) (status int, err error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return 0, err
	}
	return resp.StatusCode, resp.Body.Close()
}
