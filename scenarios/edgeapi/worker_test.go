//go:build unix

package edgeapi_test

import (
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/provingground/provingground/deploy/local/stack"
	"github.com/provingground/provingground/scenarios"
)

// colos are two processes of the Worker that is deployed, in workerd.
type colos struct {
	*stack.Stack
}

func inWorkerd(t *testing.T) colos {
	t.Helper()
	sc, _ := scenarios.Find("edgeapi")
	s, err := stack.Start(t.Context(), stack.Options{Scenario: sc, Out: t.Output()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(t.Context()); err != nil && t.Context().Err() == nil {
			t.Error(err)
		}
	})
	return colos{s}
}

// ask returns the answer and its body.
func (c colos) ask(t *testing.T, colo int, method, path, body string, h header) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, c.Instances[colo].URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(h); i += 2 {
		req.Header.Set(h[i], h[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(text)
}

// askCache returns what a colo's cache answers. It is filled after the answer that fills
// it, so that comes a moment later.
func (c colos) askCache(t *testing.T, colo int, path string) string {
	t.Helper()
	const patience = 20 * time.Second
	var status string
	for until := time.Now().Add(patience); time.Now().Before(until); {
		got, text := c.ask(t, colo, "GET", path, "", nil)
		if status = got.Header.Get("Cache-Status"); status == "edgeapi; hit" {
			return text
		}
	}
	t.Fatalf("colo %d: Cache-Status %s for %v, want hit", colo, status, patience)
	return ""
}

func TestTheWorkerKeepsItsPromisesInWorkerd(t *testing.T) {
	c := inWorkerd(t)
	known := header{"Authorization", "Bearer " + c.Env["WRITE_TOKEN"]}
	write := func(key string, more ...string) header {
		return append(append(header{"Idempotency-Key", key, "Content-Type", "application/json"}, known...), more...)
	}
	made, first := c.ask(t, 0, "POST", "/api/items", cup, write("k1"))
	if made.StatusCode != 201 {
		t.Fatalf("status %d %s", made.StatusCode, first)
	}
	path := made.Header.Get("Location")
	if again, text := c.ask(t, 1, "POST", "/api/items", cup, write("k1")); text != first || again.Header.Get("Idempotency-Replayed") != "true" {
		t.Errorf("a repetition in the other colo gets %s, not %s", text, first)
	}
	for colo := range c.Instances { // each colo fills its own cache
		got, text := c.ask(t, colo, "GET", path, "", nil)
		if !strings.Contains(got.Header.Get("Cache-Status"), "fwd=miss") || strings.Contains(text, "cost") {
			t.Errorf("colo %d: Cache-Status %s, %s; want fwd=miss and no cost", colo, got.Header.Get("Cache-Status"), text)
		}
	}
	for colo := range c.Instances {
		if text := c.askCache(t, colo, path); strings.Contains(text, "cost") {
			t.Errorf("the cache of colo %d holds a cost: %s", colo, text)
		}
	}
	changed, _ := c.ask(t, 0, "PUT", path, strings.Replace(cup, "900", "950", 1), write("k2", "If-Match", `"1"`))
	if late, _ := c.ask(t, 1, "PUT", path, cup, write("k3", "If-Match", `"1"`)); changed.StatusCode != 200 || late.StatusCode != 412 || late.Header.Get("ETag") != `"2"` {
		t.Errorf("two writers of one version: %d and %d, ETag %s", changed.StatusCode, late.StatusCode, late.Header.Get("ETag"))
	}
	for how, h := range map[string]header{"the bookmark": {"D1-Bookmark", changed.Header.Get("D1-Bookmark")}, "the token": known} {
		if got, text := c.ask(t, 1, "GET", path, "", h); !strings.Contains(text, `"price":950`) || got.Header.Get("Cache-Control") != "private, no-store" {
			t.Errorf("with %s the other colo serves %s (%s)", how, text, got.Header.Get("Cache-Control"))
		}
	}
	if _, text := c.ask(t, 0, "GET", path, "", nil); !strings.Contains(text, `"price":950`) {
		t.Errorf("the colo that wrote serves %s", text)
	}
	if _, text := c.ask(t, 0, "GET", "/api/items?q=espresso", "", nil); !strings.Contains(text, `"price":950`) {
		t.Errorf("search finds %s", text)
	}
}

// What is too large for the Worker's memory comes out of the Cache API.
func TestALargeAnswerComesOutOfTheColosCache(t *testing.T) {
	c := inWorkerd(t)
	long := `{"name":"Cup","price":900,"cost":410,"description":"` + strings.Repeat("x", 5000) + `"}`
	for i := range 4 {
		h := header{"Authorization", "Bearer " + c.Env["WRITE_TOKEN"], "Idempotency-Key", strconv.Itoa(i), "Content-Type", "application/json"}
		if got, text := c.ask(t, 0, "POST", "/api/items", long, h); got.StatusCode != 201 {
			t.Fatalf("status %d %s", got.StatusCode, text)
		}
	}
	_, first := c.ask(t, 0, "GET", "/api/items", "", nil)
	if text := c.askCache(t, 0, "/api/items"); text != first || len(text) < 20_000 {
		t.Errorf("the cache answers with %d bytes, D1 with %d; want the same, 20 kB at least", len(text), len(first))
	}
}

func TestAKilledWorkerLosesNothingThatItAcknowledged(t *testing.T) {
	c := inWorkerd(t)
	h := header{"Authorization", "Bearer " + c.Env["WRITE_TOKEN"], "Idempotency-Key", "k", "Content-Type", "application/json"}
	_, first := c.ask(t, 0, "POST", "/api/items", cup, h)
	if err := c.Instances[0].Kill(); err != nil {
		t.Fatal(err)
	}
	if err := c.Instances[0].Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, again := c.ask(t, 0, "POST", "/api/items", cup, h); again != first {
		t.Errorf("after the kill a repetition gets %s, not %s", again, first)
	}
}

func TestSettingsLiveInKV(t *testing.T) {
	c := inWorkerd(t)
	h := header{"Authorization", "Bearer " + c.Env["WRITE_TOKEN"]}
	if resp, text := c.ask(t, 0, "PUT", "/api/settings", `{"currency":"EUR"}`, h); resp.StatusCode != 204 {
		t.Fatalf("status %d %s", resp.StatusCode, text)
	}
	if _, text := c.ask(t, 0, "GET", "/api/settings", "", nil); text != `{"currency":"EUR"}` {
		t.Errorf("settings %s", text)
	}
}
