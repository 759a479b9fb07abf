//go:build unix

package server_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/provingground/provingground/deploy/local/process"
	"github.com/provingground/provingground/deploy/local/server"
)

// clone opens a cloud with a root of its own that uses the programs which this
// clone has installed (or installs them there once).
func clone(t *testing.T) *server.Cloud {
	t.Helper()
	root := t.TempDir()
	shared, err := server.Open(t.Context(), server.Options{Provider: server.Native})
	if err != nil {
		t.Fatal(err)
	}
	pkg := filepath.Join(shared.Root(), "pkg")
	if err := os.MkdirAll(pkg, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(pkg, filepath.Join(root, "pkg")); err != nil {
		t.Fatal(err)
	}
	return open(t, root)
}

func open(t *testing.T, root string) *server.Cloud {
	t.Helper()
	c, err := server.Open(t.Context(), server.Options{Root: root, Provider: server.Native, Out: t.Output()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Down(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return c
}

func start(t *testing.T, c *server.Cloud, names ...string) *server.Set {
	t.Helper()
	set, err := c.Start(t.Context(), names...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := set.Close(); err != nil {
			t.Error(err)
		}
	})
	return set
}

func up(t *testing.T, c *server.Cloud, names ...string) *server.Set {
	t.Helper()
	set, err := c.Up(t.Context(), names...)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// redis sends one command in Redis's inline form and returns the answer's lines.
func redis(t *testing.T, addr, command string) string {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write([]byte(command + "\r\n")); err != nil {
		t.Fatal(err)
	}
	answer := make([]byte, 4096)
	n, err := conn.Read(answer)
	if err != nil {
		t.Fatal(err)
	}
	return string(answer[:n])
}

func TestAllServersStartAndPointTheirClientsAtThem(t *testing.T) {
	set := start(t, clone(t), server.Names()...)
	env := set.Env()
	for _, name := range server.Names() {
		r := set.Get(name)
		if err := r.Healthy(t.Context()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if !process.Identify(r.PID()).Alive() {
			t.Errorf("%s: process %d is not there", name, r.PID())
		}
	}
	if want := "redis://" + set.Get("redis").Addr + "/0"; env["REDIS_URL"] != want {
		t.Errorf("REDIS_URL=%q, want %q", env["REDIS_URL"], want)
	}
	if want := "http://" + set.Get("dynamodb").Addr; env["AWS_ENDPOINT_URL_DYNAMODB"] != want {
		t.Errorf("AWS_ENDPOINT_URL_DYNAMODB=%q, want %q", env["AWS_ENDPOINT_URL_DYNAMODB"], want)
	}
	if env["AWS_ENDPOINT_URL_S3"] == env["AWS_ENDPOINT_URL_DYNAMODB"] {
		t.Error("two groups share one process")
	}
}

func TestAKilledServerComesBackWhereItWasWithWhatItStored(t *testing.T) {
	r := start(t, clone(t), "redis").Get("redis")
	addr, pid := r.Addr, r.PID()
	redis(t, addr, "SET kept yes")
	waitUntil(t, "the write has left the process", func() bool {
		return strings.Contains(redis(t, addr, "INFO persistence"), "aof_buffer_length:0")
	})
	if err := r.Kill(); err != nil {
		t.Fatal(err)
	}
	if r.Alive() {
		t.Fatal("alive after Kill")
	}
	if err := r.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	if r.Addr != addr || r.PID() == pid {
		t.Errorf("restarted at %s as %d, was at %s as %d", r.Addr, r.PID(), addr, pid)
	}
	if got := redis(t, addr, "GET kept"); !strings.Contains(got, "yes") {
		t.Errorf("GET kept after the restart: %q", got)
	}
}

func TestAPausedServerIsAliveAndSilent(t *testing.T) {
	r := start(t, clone(t), "redis").Get("redis")
	if err := r.Pause(); err != nil {
		t.Fatal(err)
	}
	if !r.Alive() {
		t.Error("not alive while paused")
	}
	if r.Healthy(t.Context()) == nil {
		t.Error("answers while paused")
	}
	if err := r.Resume(); err != nil {
		t.Fatal(err)
	}
	if err := r.Healthy(t.Context()); err != nil {
		t.Errorf("after Resume: %v", err)
	}
}

func TestCloseEndsPrivateServersAndRemovesTheirFiles(t *testing.T) {
	c := clone(t)
	set, err := c.Start(t.Context(), "redis")
	if err != nil {
		t.Fatal(err)
	}
	id := process.Identify(set.Get("redis").PID())
	if err := set.Close(); err != nil {
		t.Fatal(err)
	}
	if id.Alive() {
		t.Error("redis runs after Close")
	}
	left, err := os.ReadDir(filepath.Join(c.Root(), "private"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestWhatAKilledRunLeftIsRemovedByTheNext(t *testing.T) {
	c := clone(t)
	orphan := filepath.Join(c.Root(), "private", "1-left")
	if err := os.MkdirAll(orphan, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(orphan+".lock", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	start(t, c, "redis")
	if _, err := os.Stat(orphan); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s is still there: %v", orphan, err)
	}
}

func TestUpFindsWhatRunsAndDownLeavesNothing(t *testing.T) {
	c := clone(t)
	first := up(t, c, "redis").Get("redis")
	again := up(t, open(t, c.Root()), "redis").Get("redis")
	if first.PID() != again.PID() || first.Addr != again.Addr {
		t.Errorf("second up: %d at %s, first: %d at %s", again.PID(), again.Addr, first.PID(), first.Addr)
	}
	status, err := c.Status(t.Context())
	if err != nil || len(status) != 1 || status[0].State != "healthy" {
		t.Errorf("status: %+v, %v", status, err)
	}
	id := process.Identify(first.PID())
	if err := c.Down(t.Context()); err != nil {
		t.Fatal(err)
	}
	if id.Alive() {
		t.Error("redis runs after down")
	}
	if r, err := c.Records(); err != nil || len(r) != 0 {
		t.Errorf("records after down: %v, %v", r, err)
	}
	if addr := up(t, c, "redis").Get("redis").Addr; addr != first.Addr {
		t.Errorf("up after down: %s, want the clone's port %s", addr, first.Addr)
	}
}

func TestSeveralUpsAtOnceStartOneServer(t *testing.T) {
	c := clone(t)
	pids := make(chan int)
	for range 4 {
		same := open(t, c.Root())
		go func() {
			set, err := same.Up(t.Context(), "redis")
			if err != nil {
				t.Error(err)
				pids <- 0
				return
			}
			pids <- set.Get("redis").PID()
		}()
	}
	first := <-pids
	for range 3 {
		if pid := <-pids; pid != first {
			t.Errorf("process %d and process %d", first, pid)
		}
	}
}

func TestTwoClonesLiveSideBySide(t *testing.T) {
	one, other := up(t, clone(t), "redis").Get("redis"), up(t, clone(t), "redis").Get("redis")
	if one.Addr == other.Addr {
		t.Fatalf("both at %s", one.Addr)
	}
	redis(t, one.Addr, "SET where one")
	if got := redis(t, other.Addr, "GET where"); got != "$-1\r\n" {
		t.Errorf("the other clone has %q", got)
	}
}

func TestATakenPortIsReplacedUnlessTheUserFixedIt(t *testing.T) {
	c := clone(t)
	was := up(t, c, "redis").Get("redis").Addr
	if err := c.Down(t.Context()); err != nil {
		t.Fatal(err)
	}
	squatter, err := net.Listen("tcp", was)
	if err != nil {
		t.Fatal(err)
	}
	defer squatter.Close()
	if now := up(t, c, "redis").Get("redis").Addr; now == was {
		t.Errorf("redis at %s, which another program holds", now)
	}
	if err := c.Down(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(was)
	t.Setenv("REDIS_PORT", port)
	if _, err := c.Up(t.Context(), "redis"); err == nil || !strings.Contains(err.Error(), "REDIS_PORT="+port) {
		t.Errorf("fixed port that is taken: %v", err)
	}
}

func TestACrashedServerIsStartedAgainByUpAndShownByStatus(t *testing.T) {
	c := clone(t)
	r := up(t, c, "redis").Get("redis")
	if err := r.Kill(); err != nil {
		t.Fatal(err)
	}
	status, err := c.Status(t.Context())
	if err != nil || len(status) != 1 || status[0].State != "crashed" || status[0].Tail == "" {
		t.Errorf("status: %+v, %v", status, err)
	}
	again := up(t, c, "redis").Get("redis")
	if again.Addr != r.Addr {
		t.Errorf("came back at %s, was at %s", again.Addr, r.Addr)
	}
}

func TestAServerThatCrashesAtStartIsReportedWithItsLog(t *testing.T) {
	c := clone(t)
	up(t, c, "redis")
	if err := c.Down(t.Context()); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(c.Root(), "state", "redis", "appendonlydir", "*.manifest"))
	if err != nil || len(files) != 1 {
		t.Fatalf("manifests: %v, %v", files, err)
	}
	if err := os.WriteFile(files[0], []byte("nonsense\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = c.Up(t.Context(), "redis")
	if err == nil || !strings.Contains(err.Error(), "redis ended") || !strings.Contains(err.Error(), "manifest") {
		t.Errorf("error: %v", err)
	}
}

func TestARecordOfARecycledPidEndsNobody(t *testing.T) {
	c := clone(t)
	self := process.Identify(os.Getpid())
	self.Started-- // somebody else had our pid before
	if err := c.Remember(server.Record{Name: "redis", Server: true, Process: self}); err != nil {
		t.Fatal(err)
	}
	if err := c.Down(t.Context()); err != nil {
		t.Fatal(err)
	}
	if r, err := c.Records(); err != nil || len(r) != 0 {
		t.Errorf("records after down: %v, %v", r, err)
	}
}

func TestAServerFromTheEnvironmentIsUsedAndNotControlled(t *testing.T) {
	addr := start(t, clone(t), "redis").Get("redis").Addr
	t.Setenv("REDIS_URL", "redis://"+addr+"/3")
	c, err := server.Open(t.Context(), server.Options{Root: t.TempDir(), Provider: server.Env})
	if err != nil {
		t.Fatal(err)
	}
	set := start(t, c, "redis")
	if got := set.Env()["REDIS_URL"]; got != "redis://"+addr+"/3" {
		t.Errorf("REDIS_URL=%q", got)
	}
	r := set.Get("redis")
	if err := r.Kill(); !errors.Is(err, server.ErrNotOurs) || !r.Alive() {
		t.Errorf("Kill: %v, alive: %v", err, r.Alive())
	}
	if _, err := c.Start(t.Context(), "dynamodb"); err == nil || !strings.Contains(err.Error(), "AWS_ENDPOINT_URL_DYNAMODB") {
		t.Errorf("a server that the environment lacks: %v", err)
	}
}

func TestAnUnknownServerIsRefusedWithTheValidNames(t *testing.T) {
	_, err := clone(t).Start(t.Context(), "redys")
	if err == nil || !strings.Contains(err.Error(), `no server "redys": there are redis, `) {
		t.Errorf("error: %v", err)
	}
}

func TestAnUnknownProviderIsRefused(t *testing.T) {
	_, err := server.Open(t.Context(), server.Options{Root: t.TempDir(), Provider: "podman", Out: new(bytes.Buffer)})
	if err == nil || !strings.Contains(err.Error(), "podman") {
		t.Errorf("error: %v", err)
	}
}

func waitUntil(t *testing.T, what string, done func() bool) {
	t.Helper()
	deadline := time.NewTimer(20 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-deadline.C:
			t.Fatalf("not within 20 s: %s", what)
		case <-tick.C:
		}
	}
}
