//go:build unix

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/provingground/provingground/deploy/local/process"
	"github.com/provingground/provingground/deploy/local/server"
	"github.com/provingground/provingground/deploy/local/stack"
)

// runtime is a workerd that runs the Worker of this folder.
type runtime struct {
	url, admin string
	spec       process.Spec
	running    *process.Process
}

// start builds the Worker and runs it until the test ends.
func start(t *testing.T) *runtime {
	t.Helper()
	cloud, err := server.Open(t.Context(), server.Options{Provider: server.Native, Out: t.Output()})
	if err != nil {
		t.Fatal(err)
	}
	path, args, env, err := cloud.WorkerProgram(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := stack.Modules(t.Context(), "./pkg/edge/conformance", filepath.Join(dir, "dist")); err != nil {
		t.Fatal(err)
	}
	config, err := filepath.Abs("wrangler.jsonc")
	if err != nil {
		t.Fatal(err)
	}
	ports, err := server.FreePorts(2)
	if err != nil {
		t.Fatal(err)
	}
	addr, admin := fmt.Sprintf("127.0.0.1:%d", ports[0]), fmt.Sprintf("127.0.0.1:%d", ports[1])
	w := &runtime{url: "http://" + addr, admin: "http://" + admin, spec: process.Spec{
		Name: "workerd", Path: path, Args: args, Log: filepath.Join(dir, "log"),
		Env: append(env, "HOME="+dir, "ADDR="+addr, "ADMIN_ADDR="+admin, "CONFIG="+config, "DIR="+filepath.Join(dir, "dist"),
			"STATE_DIR="+filepath.Join(dir, "state"), "COLOR=blue", "TOKEN=secret"),
	}}
	w.run(t)
	t.Cleanup(func() {
		w.kill(t)
		if t.Failed() {
			t.Log(w.running.Tail(60))
		}
	})
	return w
}

func (w *runtime) run(t *testing.T) {
	t.Helper()
	var err error
	if w.running, err = process.Start(w.spec); err != nil {
		t.Fatal(err)
	}
	await(t, "the Worker is ready", func() bool {
		select {
		case <-w.running.Done():
			t.Fatalf("workerd ended: %v\n%s", w.running.Err(), w.running.Tail(20))
		default:
		}
		resp, err := http.Get(w.admin + "/readyz")
		if err != nil {
			return false
		}
		defer resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
}

func (w *runtime) kill(t *testing.T) {
	t.Helper()
	if err := w.running.Kill(); err != nil {
		t.Error(err)
	}
}

// await polls until it is so.
func await(t *testing.T, what string, so func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); ; {
		if so() {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%v long not: %s", patience, what)
		}
		select {
		case <-t.Context().Done():
			t.Fatalf("not in time: %s", what)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// do returns the status and the body.
func (w *runtime) do(t *testing.T, method, path, body string) (int, string) {
	t.Helper()
	resp, text := w.ask(t, method, w.url+path, strings.NewReader(body))
	return resp.StatusCode, text
}

func (w *runtime) ask(t *testing.T, method, url string, body io.Reader) (*http.Response, string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Two", "of two")
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

// want asks and compares, leaving out the newline.
func (w *runtime) want(t *testing.T, method, path, body, want string) {
	t.Helper()
	if status, got := w.do(t, method, path, body); status != http.StatusOK || strings.TrimSpace(got) != want {
		t.Errorf("%s %s: %d %s, want %s", method, path, status, got, want)
	}
}

// logged says whether the runtime's log holds a text.
func (w *runtime) logged(t *testing.T, text string) bool {
	t.Helper()
	all, err := os.ReadFile(w.spec.Log)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Contains(string(all), text)
}

// join opens a WebSocket to a room.
func (w *runtime) join(t *testing.T, room, as string) *websocket.Conn {
	t.Helper()
	conn, resp, err := websocket.Dial(t.Context(), w.url+"/room/"+room+"/ws?as="+as, nil)
	if err != nil {
		t.Fatal(err)
	}
	if resp.Body != nil {
		resp.Body.Close()
	}
	t.Cleanup(func() { _ = conn.CloseNow() }) // the test may have closed it
	return conn
}

// say sends a text and returns the next message.
func say(t *testing.T, conn *websocket.Conn, text string) string {
	t.Helper()
	if err := conn.Write(t.Context(), websocket.MessageText, []byte(text)); err != nil {
		t.Fatal(err)
	}
	return hear(t, conn)
}

// patience bounds the wait for an answer.
const patience = 20 * time.Second

func hear(t *testing.T, conn *websocket.Conn) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	_, data, err := conn.Read(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// closedWith returns the status of the close that a connection gets next.
func closedWith(t *testing.T, conn *websocket.Conn) (websocket.StatusCode, string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	_, _, err := conn.Read(ctx)
	var closed websocket.CloseError
	if !errors.As(err, &closed) {
		t.Fatalf("read: %v, want a close", err)
	}
	return closed.Code, closed.Reason
}

func decode[T any](t *testing.T, text string) (v T) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}
