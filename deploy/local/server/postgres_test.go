//go:build unix

package server_test

import (
	"context"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/provingground/provingground/deploy/local/server"
)

func connect(t *testing.T, r *server.Running) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), r.Env()["DATABASE_URL"])
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	return conn
}

func ask(t *testing.T, r *server.Running, query string) (answer string) {
	t.Helper()
	if err := connect(t, r).QueryRow(t.Context(), query).Scan(&answer); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return answer
}

func TestPostgresKeepsWhatWasCommittedThroughAKill(t *testing.T) {
	r := start(t, clone(t), "postgres").Get("postgres")
	if _, err := connect(t, r).Exec(t.Context(), "CREATE TABLE kept (n int); INSERT INTO kept VALUES (42)"); err != nil {
		t.Fatal(err)
	}
	if err := r.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := r.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := ask(t, r, "SELECT n::text FROM kept"); got != "42" {
		t.Errorf("after a kill the row holds %q, want 42", got)
	}
}

// A backend is a process of its own, in a group of its own.
func TestAPausedPostgresAnswersNobody(t *testing.T) {
	r := start(t, clone(t), "postgres").Get("postgres")
	conn := connect(t, r)
	if err := r.Pause(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, err := conn.Exec(ctx, "SELECT 1"); err == nil {
		t.Error("a connection from before the pause answers")
	}
	if err := r.Resume(); err != nil {
		t.Fatal(err)
	}
	if err := r.Healthy(t.Context()); err != nil {
		t.Errorf("after Resume: %v", err)
	}
}

func TestPostgresWaitsForTheDiskAndListensOnLoopbackAlone(t *testing.T) {
	r := start(t, clone(t), "postgres").Get("postgres")
	for setting, want := range map[string]string{"fsync": "on", "synchronous_commit": "on", "listen_addresses": "127.0.0.1"} {
		if got := ask(t, r, "SHOW "+setting); got != want {
			t.Errorf("%s = %s, want %s", setting, got, want)
		}
	}
}

func TestPostgresDoesNotRunAsRoot(t *testing.T) {
	r := start(t, clone(t), "postgres").Get("postgres")
	out, err := exec.CommandContext(t.Context(), "ps", "-o", "uid=", "-p", strconv.Itoa(r.PID())).Output()
	if uid := strings.TrimSpace(string(out)); err != nil || uid == "" || uid == "0" {
		t.Errorf("its process belongs to user %q, %v; want one that is not root", uid, err)
	}
}

// It ends at once although a client stays connected.
func TestALongLivedPostgresEndsWithItsClientsAndKeepsItsData(t *testing.T) {
	c := clone(t)
	r := up(t, c, "postgres").Get("postgres")
	if _, err := connect(t, r).Exec(t.Context(), "CREATE TABLE kept (n int); INSERT INTO kept VALUES (42)"); err != nil {
		t.Fatal(err)
	}
	if err := c.Down(t.Context(), "postgres"); err != nil {
		t.Fatal(err)
	}
	again := up(t, c, "postgres").Get("postgres")
	if again.Addr != r.Addr {
		t.Errorf("it came back on %s, was on %s", again.Addr, r.Addr)
	}
	if got := ask(t, again, "SELECT n::text FROM kept"); got != "42" {
		t.Errorf("the row holds %q, want 42", got)
	}
}
