//go:build unix

package stack_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/provingground/provingground/deploy/local/stack"
	"github.com/provingground/provingground/scenarios"
)

func workerScenario() scenarios.Scenario {
	return scenarios.Scenario{Slug: "page", Roles: []scenarios.Role{{
		Name: "page", Count: 1, Worker: "local/stack/testdata/worker/wrangler.jsonc",
		Env: map[string]string{"COLOR": "blue"}, Secrets: []string{"TOKEN"},
	}}}
}

// ask returns status and body.
func ask(t *testing.T, method, url, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
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
	return resp.StatusCode, string(text)
}

func TestAWorkerRunsAsItsConfigurationSaysAndKeepsItsStateWhenKilled(t *testing.T) {
	in := start(t, options(t, workerScenario())).Instances[0]
	if _, got := ask(t, "GET", in.URL+"/settings", ""); !strings.HasPrefix(got, `{"color":"blue","token":"`) || len(got) < 60 {
		t.Errorf("settings %s, want the catalogue's colour and a secret", got)
	}
	ask(t, "PUT", in.URL+"/object", "bytes")
	ask(t, "GET", in.URL+"/send", "")
	awaitConsumed(t, in)
	ask(t, "GET", in.URL+"/counter", "")
	if err := in.Kill(); err != nil {
		t.Fatal(err)
	}
	if _, err := http.Get(in.URL); err == nil {
		t.Fatal("workerd lives on without its runner")
	}
	if err := in.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, got := ask(t, "GET", in.URL+"/counter", ""); got != "2" {
		t.Errorf("the Durable Object counts %s after the kill, want 2", got)
	}
	if _, got := ask(t, "GET", in.URL+"/object", ""); got != "bytes" {
		t.Errorf("R2 holds %q after the kill", got)
	}
}

// awaitConsumed waits until the queue's consumer has had its message.
func awaitConsumed(t *testing.T, in *stack.Instance) {
	t.Helper()
	for {
		_, got := ask(t, "GET", in.URL+"/kv", "")
		if _, consumed, _ := strings.Cut(got, " "); consumed == "1" {
			return
		}
		select {
		case <-t.Context().Done():
			t.Fatal("nothing was consumed")
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func TestAWorkerThatThrowsAnswers500AndIsCounted(t *testing.T) {
	in := start(t, options(t, workerScenario())).Instances[0]
	if status, _ := ask(t, "GET", in.URL+"/throw", ""); status != http.StatusInternalServerError {
		t.Errorf("status %d, want 500", status)
	}
	if _, got := ask(t, "GET", in.AdminURL+"/metrics", ""); !strings.Contains(got, "page_requests_failed_total 1\n") {
		t.Errorf("metrics %s", got)
	}
	if status, _ := ask(t, "GET", in.URL+"/counters", ""); status != http.StatusNotFound {
		t.Errorf("counters are public: status %d", status)
	}
}
