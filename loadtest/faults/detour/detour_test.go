//go:build unix

package detour_test

import (
	"bytes"
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

// TestRolesGoThroughAndTheJudgeDoesNot runs the roles of a scenario.
func TestRolesGoThroughAndTheJudgeDoesNot(t *testing.T) {
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
	t.Logf("a creation is %v", d.Steps(10))

	d.Proxy("dynamodb").SetLink(proxy.Link{Down: true})
	if resp := post(t, s.Instances[0].URL, "fault-test-key-2"); resp.StatusCode < 500 {
		t.Errorf("a creation without the store was answered with %s", resp.Status)
	}
}

func create(t *testing.T, url string) {
	t.Helper()
	if resp := post(t, url, "fault-test-key-1"); resp.StatusCode != http.StatusCreated {
		t.Fatalf("POST /api/links: %s", resp.Status)
	}
}

func post(t *testing.T, url, key string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/api/links", bytes.NewReader([]byte(`{"url":"https://example.test/"}`)))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Idempotency-Key", key)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return resp
}
