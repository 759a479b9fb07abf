//go:build unix

package detour_test

import (
	"context"
	"maps"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/provingground/provingground/deploy/local/server"
	"github.com/provingground/provingground/deploy/local/server/servertest"
	"github.com/provingground/provingground/deploy/local/stack"
	"github.com/provingground/provingground/loadtest/faults/detour"
	"github.com/provingground/provingground/loadtest/faults/proxy"
	"github.com/provingground/provingground/scenarios"
)

func TestMain(m *testing.M) {
	if os.Getenv("THREE_WRITES") != "" {
		os.Exit(threeWrites())
	}
	os.Exit(m.Run())
}

func start(t *testing.T, set *server.Set) *detour.Detour {
	t.Helper()
	d, err := detour.Start(t.Context(), set, set.Names()...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

func TestOnlyAddressesAreOverridden(t *testing.T) {
	env := map[string]string{"REDIS_URL": "redis://:secret@127.0.0.1:1234/0", "AWS_REGION": "us-east-1", "OTHER": "127.0.0.1:99"}
	got, err := detour.Override(env, "127.0.0.1:1234", "127.0.0.1:5678")
	if err != nil || !maps.Equal(got, map[string]string{"REDIS_URL": "redis://:secret@127.0.0.1:5678/0"}) {
		t.Errorf("Override = %v, %v", got, err)
	}
}

func TestServersThatCannotBeProxiedAreRefused(t *testing.T) {
	for _, env := range []map[string]string{
		{"AWS_ENDPOINT_URL": "https://example.test:443"},
		{"REDIS_URL": "rediss://example.test:443/0"},
		{"ELSEWHERE": "redis://another.test:443/0"},
	} {
		if got, err := detour.Override(env, "example.test:443", "127.0.0.1:5678"); err == nil {
			t.Errorf("Override(%v) = %v, want an error", env, got)
		}
	}
	set := servertest.Start(t, "redis")
	if _, err := detour.Start(t.Context(), set, "redis", "nosuch"); err == nil || !strings.Contains(err.Error(), "nosuch") {
		t.Errorf("an unknown server was refused with %v", err)
	}
}

// through starts the roles of a scenario behind a detour.
func through(t *testing.T) (*server.Set, *detour.Detour, *stack.Stack) {
	t.Helper()
	sc, ok := scenarios.Find("urlshortener")
	if !ok {
		t.Fatal("the scenario is not in the catalogue")
	}
	set := servertest.Start(t, sc.Needs...)
	d := start(t, set)
	s, err := stack.Start(t.Context(), stack.Options{Scenario: sc, Servers: set, Env: d.Env(), Out: t.Output()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return set, d, s
}

func TestRolesGoThroughAndTheJudgeDoesNot(t *testing.T) {
	set, d, s := through(t)
	d.Clear()
	create(t, s.Instances[0].URL)
	if len(d.Proxy("dynamodb").Counts()) == 0 {
		t.Error("the role wrote a link, but not through the proxy")
	}
	direct := detour.Direct(s.Env, set)
	for name, want := range set.Env() {
		if got := direct[name]; got != want {
			t.Errorf("the judge has %s=%s, want the server itself: %s", name, got, want)
		}
	}
	if through := d.Env()["REDIS_URL"]; s.Env["REDIS_URL"] != through || direct["REDIS_URL"] == through {
		t.Errorf("roles have %s, the judge %s, the proxy is %s", s.Env["REDIS_URL"], direct["REDIS_URL"], through)
	}
	d.Proxy("dynamodb").SetLink(proxy.Link{Down: true})
	if status, err := post(t, s.Instances[0].URL, "fault-test-key-2"); err != nil || status < 500 {
		t.Errorf("a creation without the store was answered with %d, %v", status, err)
	}
}

// TestARoleIsKilledBetweenItsWriteAndItsAnswer shows the failure that
// idempotency keys are for.
func TestARoleIsKilledBetweenItsWriteAndItsAnswer(t *testing.T) {
	_, d, s := through(t)
	d.Clear()
	create(t, s.Instances[0].URL)
	write := d.Steps(1)[0]
	row, err := d.KillAt(write, proxy.After, s.Instances[0].Kill)
	if err != nil {
		t.Fatal(err)
	}
	if status, err := post(t, s.Instances[0].URL, "fault-test-key-2"); err == nil {
		t.Fatalf("the role that was killed at %v answered with %d", write, status)
	}
	<-row.Done()
	if err := row.Err(); err != nil {
		t.Fatal(err)
	}
	if err := s.Instances[0].Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if status, err := post(t, s.Instances[0].URL, "fault-test-key-2"); err != nil || status != http.StatusCreated {
		t.Errorf("the second attempt with the same key ended with %d, %v", status, err)
	}
}

func create(t *testing.T, url string) {
	t.Helper()
	if status, err := post(t, url, "fault-test-key-1"); err != nil || status != http.StatusCreated {
		t.Fatalf("POST /api/links: %d, %v", status, err)
	}
}

func post(t *testing.T, url, key string) (status int, err error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/api/links", strings.NewReader(`{"url":"https://example.test/"}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Idempotency-Key", key)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	return resp.StatusCode, resp.Body.Close()
}
