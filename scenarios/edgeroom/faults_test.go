//go:build unix

package edgeroom_test

import (
	"crypto/rand"
	"net/http"
	"strings"
	"testing"
	"time"
)

// set lets the stand-in before a binding make a fault.
func (w world) set(t *testing.T, binding, fault string) {
	t.Helper()
	resp, err := http.Post(w.Instances[0].AdminURL+"/faults/"+binding, "application/json", strings.NewReader(fault))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("fault of %s: %s", binding, resp.Status)
	}
}

func (w world) put(t *testing.T, theme string) (*http.Response, string) {
	t.Helper()
	return w.ask(t, "PUT", "/api/settings", `{"theme":"`+theme+`"}`, "Authorization", "Bearer "+w.Env["WRITE_TOKEN"])
}

// write puts settings, again where the counter of their versions has too much to do.
func (w world) write(t *testing.T, theme string) {
	t.Helper()
	resp, text := w.put(t, theme)
	for until := time.Now().Add(patience); resp.StatusCode == http.StatusServiceUnavailable && time.Now().Before(until); {
		resp, text = w.put(t, theme)
	}
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("settings are not written: %d %s", resp.StatusCode, text)
	}
}

func TestWhatGoesWrongBehindTheWorker(t *testing.T) {
	w := inWorkerd(t, map[string]string{"FAULTS": "COUNTERS,SETTINGS", "ADMIT_PER_SECOND": "10"})
	t.Run("an answer of the counter is lost", func(t *testing.T) { lostAnswer(t, w) })
	t.Run("a colo is behind", func(t *testing.T) { behind(t, w) })
	t.Run("KV is away", func(t *testing.T) { withoutKV(t, w) })
	t.Run("more than the counter admits", func(t *testing.T) { tooMuch(t, w) })
}

func lostAnswer(t *testing.T, w world) {
	w.set(t, "COUNTERS", `{"effect":"lost","share":1}`)
	if status, _, _ := w.add(t, "lost", "key", ""); status != http.StatusGatewayTimeout {
		t.Errorf("an increment whose answer is lost ends with %d, want 504", status)
	}
	w.set(t, "COUNTERS", `{"effect":"none"}`)
	if status, value, again := w.add(t, "lost", "key", ""); status != http.StatusOK || value != 1 || !again {
		t.Errorf("its repetition ends with %d and makes %d, counted before: %t", status, value, again)
	}
}

func withoutKV(t *testing.T, w world) {
	w.write(t, "dark")
	if resp, text := w.ask(t, "GET", "/api/settings", ""); resp.Header.Get("Age") != "" || !strings.Contains(text, "dark") {
		t.Errorf("settings %s of age %q, want the dark ones and none", text, resp.Header.Get("Age"))
	}
	w.set(t, "SETTINGS", `{"effect":"away"}`)
	if resp, text := w.ask(t, "GET", "/api/settings", ""); resp.Header.Get("Age") == "" || !strings.Contains(text, "dark") {
		t.Errorf("settings without KV are %s of age %q, want the dark ones and their age", text, resp.Header.Get("Age"))
	}
	if resp, text := w.put(t, "light"); resp.StatusCode != http.StatusGatewayTimeout {
		t.Errorf("settings are written without KV: %d %s", resp.StatusCode, text)
	}
	if status, _, _ := w.add(t, "without", "key", ""); status != http.StatusOK {
		t.Errorf("without KV an increment ends with %d", status)
	}
	w.set(t, "SETTINGS", `{"effect":"none"}`)
}

// behind wants an old version between new ones, and that of its own document.
func behind(t *testing.T, w world) {
	w.write(t, "old")
	_, before := w.ask(t, "GET", "/api/settings", "")
	w.set(t, "SETTINGS", `{"effect":"late","late":600000}`)
	w.write(t, "new")
	for range 4 {
		if _, text := w.ask(t, "GET", "/api/settings", ""); !strings.Contains(text, "new") {
			t.Errorf("a colo that has nothing older says %s, before it was %s", text, before)
		}
	}
	w.set(t, "SETTINGS", `{"effect":"late","late":100}`)
	both := map[bool]int{}
	for until := time.Now().Add(patience); len(both) < 2 && time.Now().Before(until); {
		theme := rand.Text()
		w.write(t, theme)
		_, text := w.ask(t, "GET", "/api/settings", "")
		both[strings.Contains(text, theme)]++
	}
	if len(both) < 2 {
		t.Errorf("of two colos one is behind; as written last or not: %v", both)
	}
	w.set(t, "SETTINGS", `{"effect":"none"}`)
}

// tooMuch sends without pause what takes far longer than the bucket needs to be empty.
func tooMuch(t *testing.T, w world) {
	for range 1000 {
		resp, text := w.ask(t, "POST", "/api/counters/busy/increments", "", "Idempotency-Key", "key")
		if resp.StatusCode == http.StatusServiceUnavailable && resp.Header.Get("Retry-After") != "" && strings.Contains(text, "/problems/busy") {
			return
		}
		if resp.StatusCode != http.StatusOK {
			t.Fatalf("%d %s", resp.StatusCode, text)
		}
	}
	t.Error("everything was admitted")
}
