package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/provingground/provingground/pkg/servicebustest/access"
)

// announced passes on what the command prints, a write at a time.
type announced chan string

func (a announced) Write(b []byte) (int, error) {
	a <- string(b)
	return len(b), nil
}

func TestItServesUntilItIsTold(t *testing.T) {
	file := filepath.Join(t.TempDir(), "Config.json")
	text := `{"UserConfig":{"Namespaces":[{"Name":"n","Queues":[{"Name":"orders"}]}]}} // a comment`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	out, ended := make(announced), make(chan error, 1)
	args := []string{"-addr", "127.0.0.1:0", "-admin", "127.0.0.1:0", "-config", file, "-journal", t.TempDir()}
	go func() { ended <- run(ctx, args, out, io.Discard) }()
	lines := strings.Split(<-out, "\n")
	if !strings.HasPrefix(lines[2], "Endpoint=sb://") {
		t.Errorf("it prints %q", lines)
	}
	answer, err := http.Get(strings.TrimPrefix(lines[1], "admin ") + "/orders")
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(answer.Body)
	_ = answer.Body.Close()
	if !bytes.Contains(body, []byte("QueueDescription")) {
		t.Errorf("the queue of the configuration: %s", body)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestWrongUsageIsOneClearError(t *testing.T) {
	wrong := filepath.Join(t.TempDir(), "wrong.json")
	if err := os.WriteFile(wrong, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"-unknown"}, {"argument"}, {"-key", "name"}, {"-key", "name:secret:Everything"}, {"-config", "absent.json"}, {"-config", wrong},
	} {
		if err := run(t.Context(), args, io.Discard, io.Discard); !errors.Is(err, errUsage) {
			t.Errorf("%q: %v", args, err)
		}
	}
}

func TestKeysAreReadFromTheCommandLine(t *testing.T) {
	key, err := parseKey("name:secret:Send,Listen")
	if err != nil || key.Name != "name" || key.Secret != "secret" || key.Rights != access.Send|access.Listen {
		t.Errorf("key %+v, %v", key, err)
	}
}
