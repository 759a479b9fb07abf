//go:build unix

package edgeroom_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/coder/websocket"

	"github.com/provingground/provingground/scenarios/edgeroom"
)

func TestTheRoomAndTheCounterInWorkerd(t *testing.T) {
	w := inWorkerd(t, nil)
	for _, tt := range []struct {
		name string
		test func(t *testing.T, w world)
	}{
		{"an increment counts once for its key", counts},
		{"increments at once make different values", together},
		{"bad requests change nothing", refusals},
		{"messages reach all in sequence", messages},
		{"a message is written once for its id", once},
		{"a member that asks whether the room is there is answered", here},
		{"a member resumes where it was", resumes},
		{"a long history comes page by page", pages},
		{"a member that confirms nothing is closed", slowReader},
		{"settings have versions", settings},
		{"the page", page},
		{"objects are killed on request of their own page", killedOnRequest},
		{"nothing acknowledged is lost by a kill", killed},
	} {
		t.Run(tt.name, func(t *testing.T) { tt.test(t, w) })
	}
}

func counts(t *testing.T, w world) {
	for i, want := range []struct {
		key, body string
		status    int
		value     int64
		again     bool
	}{
		{"a", "", 200, 1, false},
		{"b", `{"by":5}`, 200, 6, false},
		{"a", "", 200, 1, true},
		{"b", `{"by":6}`, 422, 0, true},
	} {
		status, value, again := w.add(t, "counts", want.key, want.body)
		if status != want.status || value != want.value || again != want.again {
			t.Errorf("increment %d: %d, value %d, again %t, want %+v", i, status, value, again, want)
		}
	}
	if _, text := w.ask(t, "GET", "/api/counters/counts", ""); strings.TrimSpace(text) != `{"value":6}` {
		t.Errorf("the counter says %s", text)
	}
}

func killedOnRequest(t *testing.T, w world) {
	w.add(t, "mortal", "a", "")
	m := w.join(t, "mortal", "m", 0)
	for _, tt := range []struct {
		method, path, site string
		status             int
	}{
		{"POST", "/api/counters/mortal/kill", "cross-site", 403},
		{"POST", "/api/rooms/mortal/kill", "cross-site", 403},
		{"GET", "/api/rooms/mortal/kill", "same-origin", 405},
		{"POST", "/api/rooms/MORTAL/kill", "same-origin", 400},
		{"POST", "/kill", "same-origin", 404},
	} {
		if resp, text := w.ask(t, tt.method, tt.path, "", "Sec-Fetch-Site", tt.site); resp.StatusCode != tt.status {
			t.Errorf("%s %s from %s: %d %s, want %d", tt.method, tt.path, tt.site, resp.StatusCode, text, tt.status)
		}
	}
	m.say("1", "still here")
	for _, path := range []string{"/api/counters/mortal/kill", "/api/rooms/mortal/kill"} {
		if resp, text := w.ask(t, "POST", path, "", "Sec-Fetch-Site", "same-origin"); resp.StatusCode != 204 {
			t.Errorf("%s: %d %s", path, resp.StatusCode, text)
		}
	}
	if err := m.end(t); errors.Is(err, context.DeadlineExceeded) {
		t.Error("the member's socket goes on")
	}
	if status, value, again := w.add(t, "mortal", "a", ""); status != 200 || value != 1 || !again {
		t.Errorf("the increment again: %d, value %d, again %t", status, value, again)
	}
	if _, text := w.ask(t, "GET", "/api/rooms/mortal/messages?after=0", ""); !strings.Contains(text, "still here") {
		t.Errorf("the room's history is %s", text)
	}
}

// end reads until the socket has ended, and says why.
func (m member) end(t *testing.T) error {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		if _, _, err := m.conn.Read(ctx); err != nil {
			return err
		}
	}
}

// TestNoKillSwitch asks a Worker that was not told to have one.
func TestNoKillSwitch(t *testing.T) {
	w := &edgeroom.Worker{Log: slog.New(slog.DiscardHandler)}
	for path, want := range map[string]int{"/api/counters/visits/kill": 404, "/api/rooms/lobby/kill": 404} {
		got := httptest.NewRecorder()
		w.Handler().ServeHTTP(got, httptest.NewRequest(http.MethodPost, path, nil))
		if got.Code != want {
			t.Errorf("%s: %d, want %d", path, got.Code, want)
		}
	}
	got := httptest.NewRecorder()
	w.Handler().ServeHTTP(got, httptest.NewRequest(http.MethodGet, "/", nil))
	if !strings.Contains(got.Body.String(), `id="kill" hidden`) {
		t.Error("the page shows the button")
	}
}

func together(t *testing.T, w world) {
	const n = 50
	values := make([]int64, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { _, values[i], _ = w.add(t, "together", fmt.Sprint(i), "") })
	}
	all.Wait()
	slices.Sort(values)
	for i, v := range values {
		if v != int64(i)+1 {
			t.Fatalf("values %v", values)
		}
	}
}

func refusals(t *testing.T, w world) {
	for _, tt := range []struct {
		name, method, path, body, key string
		status                        int
	}{
		{"no key", "POST", "/api/counters/bad/increments", "", "", 400},
		{"a key with a space", "POST", "/api/counters/bad/increments", "", "a b", 400},
		{"no number", "POST", "/api/counters/bad/increments", `{"by":"x"}`, "k", 400},
		{"a negative number", "POST", "/api/counters/bad/increments", `{"by":-1}`, "k", 400},
		{"a body without end", "POST", "/api/counters/bad/increments", strings.Repeat(" ", 2000), "k", 400},
		{"another name", "POST", "/api/counters/BAD/increments", "", "k", 400},
		{"a room without WebSocket", "GET", "/api/rooms/bad?client=c&after=0", "", "", 400},
		{"a room without a client", "GET", "/api/rooms/bad?after=0", "", "", 400},
		{"settings without the token", "PUT", "/api/settings", `{}`, "", 401},
		{"a path that is not there", "GET", "/api/nowhere", "", "", 404},
		{"another method", "DELETE", "/api/counters/bad", "", "", 405},
		{"another method, of what is written", "PUT", "/api/counters/bad/increments", "", "k", 405},
	} {
		resp, text := w.ask(t, tt.method, tt.path, tt.body, "Idempotency-Key", tt.key)
		if resp.StatusCode != tt.status {
			t.Errorf("%s: %d %s, want %d", tt.name, resp.StatusCode, text, tt.status)
		}
		if kind := resp.Header.Get("Content-Type"); kind != "application/problem+json" {
			t.Errorf("%s: the answer is %s, want a problem", tt.name, kind)
		}
		if allow := resp.Header.Get("Allow"); (allow != "") != (tt.status == 405) {
			t.Errorf("%s: Allow is %q", tt.name, allow)
		}
	}
	if _, text := w.ask(t, "GET", "/api/counters/bad", ""); strings.TrimSpace(text) != `{"value":0}` {
		t.Errorf("the counter says %s", text)
	}
}

func messages(t *testing.T, w world) {
	ann, bob := w.join(t, "talk", "ann", 0), w.join(t, "talk", "bob", 0)
	ann.say("1", "hello")
	bob.hears("message", 1, "hello")
	bob.say("1", "hello, ann") // the same id, of another client
	ann.hears("message", 1, "hello")
	ann.hears("ack", 1, "")
	ann.hears("message", 2, "hello, ann")
	bob.hears("message", 2, "hello, ann")
	bob.hears("ack", 2, "")
	if _, text := w.ask(t, "GET", "/api/rooms/talk/members", ""); strings.TrimSpace(text) != `["ann","bob"]` {
		t.Errorf("members %s", text)
	}
}

func once(t *testing.T, w world) {
	ann := w.join(t, "once", "ann", 0)
	ann.say("1", "hello")
	ann.hears("message", 1, "hello")
	ann.hears("ack", 1, "")
	ann.say("1", "hello")
	ann.hears("ack", 1, "")
	ann.say("2", "")
	if got := ann.hear(); got.Type != "refused" || got.ID != "2" {
		t.Errorf("an empty message is answered with %+v", got)
	}
	ann.send("no JSON")
	if got := ann.hear(); got.Type != "refused" {
		t.Errorf("what cannot be read is answered with %+v", got)
	}
	ann.say("3", "on")
	ann.hears("message", 2, "on")
}

func here(t *testing.T, w world) {
	ann := w.join(t, "here", "ann", 0)
	ann.send(`{"type":"here"}`)
	ann.hears("here", 0, "")
}

func resumes(t *testing.T, w world) {
	ann, bob := w.join(t, "resume", "ann", 0), w.join(t, "resume", "bob", 0)
	ann.say("1", "one")
	bob.hears("message", 1, "one")
	if err := bob.conn.Close(websocket.StatusNormalClosure, ""); err != nil {
		t.Fatal(err)
	}
	ann.say("2", "two")
	ann.say("3", "three")
	for range 6 {
		ann.hear()
	}
	bob = w.join(t, "resume", "bob", 1)
	bob.hears("message", 2, "two")
	bob.hears("message", 3, "three")
}

// pages lets a member come late, to more than a page.
func pages(t *testing.T, w world) {
	const n = 3*edgeroom.Page + 7
	ann := w.join(t, "pages", "ann", 0)
	for i := range n {
		ann.say(fmt.Sprint(i), "text")
		ann.hear()
		ann.hear()
		if i%100 == 99 {
			ann.send(fmt.Sprintf(`{"type":"seen","seq":%d}`, i+1))
		}
	}
	bob := w.join(t, "pages", "bob", 0)
	for seq := int64(1); seq <= n; seq++ {
		bob.hears("message", seq, "text")
		if seq%32 == 0 || seq == n {
			bob.send(fmt.Sprintf(`{"type":"seen","seq":%d}`, seq))
		}
	}
	ann.say("last", "after all")
	bob.hears("message", n+1, "after all")
}

// slowReader reads and never says so.
func slowReader(t *testing.T, w world) {
	ann, bob := w.join(t, "slow", "ann", 0), w.join(t, "slow", "bob", 0)
	for i := range edgeroom.Window + 2 {
		ann.say(fmt.Sprint(i), "text")
		ann.hear()
		got := ann.hear()
		if i%100 == 99 {
			ann.send(fmt.Sprintf(`{"type":"seen","seq":%d}`, got.Seq))
		}
	}
	var last int64
	for {
		_, _, err := bob.conn.Read(t.Context())
		if err == nil {
			last++
			continue
		}
		var closed websocket.CloseError
		if !errors.As(err, &closed) || closed.Code != 4008 {
			t.Fatalf("bob's connection ends with %v", err)
		}
		break
	}
	bob = w.join(t, "slow", "bob", last)
	bob.hears("message", last+1, "text")
}

func settings(t *testing.T, w world) {
	token := "Bearer " + w.Env["WRITE_TOKEN"]
	for version := 1; version <= 2; version++ {
		want := fmt.Sprintf(`{"version":%d,"document":{"theme":"dark"}}`, version)
		if resp, text := w.ask(t, "PUT", "/api/settings", `{"theme":"dark"}`, "Authorization", token); resp.StatusCode != 200 || strings.TrimSpace(text) != want {
			t.Errorf("%d %s, want %s", resp.StatusCode, text, want)
		}
	}
	if _, text := w.ask(t, "GET", "/api/settings", ""); !strings.Contains(text, `"document":{"theme":"dark"}`) {
		t.Errorf("settings %s", text)
	}
}

func page(t *testing.T, w world) {
	resp, text := w.ask(t, "GET", "/", "")
	if !strings.Contains(text, "<title>Live room at the edge</title>") || !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/html") {
		t.Errorf("%s: %.200s", resp.Header.Get("Content-Type"), text)
	}
}

func killed(t *testing.T, w world) {
	ann := w.join(t, "kept", "ann", 0)
	ann.say("1", "hello")
	ann.hears("message", 1, "hello")
	ann.hears("ack", 1, "")
	_, first, _ := w.add(t, "kept", "key", "")
	w.restart(t)
	if _, value, again := w.add(t, "kept", "key", ""); value != first || !again {
		t.Errorf("a repetition after the kill makes %d, counted before: %t", value, again)
	}
	back := w.join(t, "kept", "ann", 0)
	back.hears("message", 1, "hello")
	back.say("1", "hello")
	back.hears("ack", 1, "")
}
