//go:build unix

package edgeroom_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/provingground/provingground/deploy/local/stack"
	"github.com/provingground/provingground/scenarios"
)

// world is the Worker that is deployed, in workerd.
type world struct{ *stack.Stack }

// inWorkerd starts it, with these variables beside its own.
func inWorkerd(t *testing.T, env map[string]string) world {
	t.Helper()
	sc, _ := scenarios.Find("edgeroom")
	s, err := stack.Start(t.Context(), stack.Options{Scenario: sc, Env: env, Out: t.Output()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(t.Context()); err != nil && t.Context().Err() == nil {
			t.Error(err)
		}
	})
	return world{s}
}

// patience bounds the wait for an answer.
const patience = 20 * time.Second

// ask returns the answer and its body; header are pairs of name and value.
func (w world) ask(t *testing.T, method, path, body string, header ...string) (*http.Response, string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, w.Instances[0].URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
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

// add increments a counter and returns its value and whether it had been counted.
func (w world) add(t *testing.T, counter, key, body string) (status int, value int64, again bool) {
	t.Helper()
	resp, text := w.ask(t, "POST", "/api/counters/"+counter+"/increments", body, "Idempotency-Key", key)
	var got struct{ Value int64 }
	if err := json.Unmarshal([]byte(text), &got); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return resp.StatusCode, got.Value, resp.Header.Get("Idempotency-Replayed") == "true"
}

// restart kills workerd and starts it again.
func (w world) restart(t *testing.T) {
	t.Helper()
	if err := w.Instances[0].Kill(); err != nil {
		t.Fatal(err)
	}
	if err := w.Instances[0].Start(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// member is a client of a room.
type member struct {
	t    *testing.T
	conn *websocket.Conn
}

// told is what the room sends.
type told struct {
	Type, ID, Client, Text, Why string
	Seq                         int64
}

func (w world) join(t *testing.T, room, client string, after int64) member {
	t.Helper()
	url := fmt.Sprintf("%s/api/rooms/%s?client=%s&after=%d", w.Instances[0].URL, room, client, after)
	conn, resp, err := websocket.Dial(t.Context(), url, nil)
	if resp != nil && resp.Body != nil {
		resp.Body.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.CloseNow() }) // the test may have closed it
	m := member{t, conn}
	if got := m.hear(); got.Type != "welcome" {
		t.Fatalf("%s is greeted with %+v", client, got)
	}
	return m
}

func (m member) send(text string) {
	m.t.Helper()
	if err := m.conn.Write(m.t.Context(), websocket.MessageText, []byte(text)); err != nil {
		m.t.Fatal(err)
	}
}

func (m member) say(id, text string) {
	m.t.Helper()
	m.send(fmt.Sprintf(`{"type":"say","id":%q,"text":%q}`, id, text))
}

func (m member) hear() (got told) {
	m.t.Helper()
	ctx, cancel := context.WithTimeout(m.t.Context(), patience)
	defer cancel()
	_, data, err := m.conn.Read(ctx)
	if err != nil {
		m.t.Fatal(err)
	}
	if err := json.Unmarshal(data, &got); err != nil {
		m.t.Fatal(err)
	}
	return got
}

// hears wants the next message to be this.
func (m member) hears(kind string, seq int64, text string) {
	m.t.Helper()
	if got := m.hear(); got.Type != kind || got.Seq != seq || got.Text != text {
		m.t.Errorf("hears %+v, want %s %d %q", got, kind, seq, text)
	}
}
