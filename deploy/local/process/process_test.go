//go:build linux

package process_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/provingground/provingground/deploy/local/process"
)

// TestMain turns this program into the child of a test.
func TestMain(m *testing.M) {
	if len(os.Args) < 3 || os.Args[1] != "as" {
		os.Exit(m.Run())
	}
	var err error
	switch os.Args[2] {
	case "listener":
		err = listen()
	case "parent":
		err = parent(os.Args[3], os.Args[4] == "detached")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func listen() error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(l.Addr().(*net.TCPAddr).Port)
	select {}
}

// parent starts a child, says its pid, and is killed.
func parent(log string, detached bool) error {
	p, err := process.Start(process.Spec{Name: "child", Path: "/bin/sleep", Args: []string{"600"}, Log: log, Detached: detached})
	if err != nil {
		return err
	}
	fmt.Println(p.PID())
	select {}
}

func shell(t *testing.T, script string) *process.Process {
	t.Helper()
	p, err := process.Start(process.Spec{
		Name: "script", Path: "/bin/sh", Args: []string{"-c", script},
		Env: []string{"PATH=/usr/bin:/bin"}, Log: filepath.Join(t.TempDir(), "log"),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Kill(); err != nil {
			t.Error(err)
		}
	})
	return p
}

func TestTheEndIsReportedWithTheLog(t *testing.T) {
	p := shell(t, "echo one; echo two >&2; exit 3")
	<-p.Done()
	want := "script ended: exit status 3; the end of its log:\n  | one\n  | two"
	if got := p.Err().Error(); got != want {
		t.Errorf("Err() = %q, want %q", got, want)
	}
	if p.ExitCode() != 3 {
		t.Errorf("ExitCode() = %d, want 3", p.ExitCode())
	}
}

func TestOnlyWhatThisProcessLoggedIsReported(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(log, []byte("of the run before\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := process.Start(process.Spec{Name: "x", Path: "/bin/echo", Args: []string{"of this run"}, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	<-p.Done()
	if got := p.Tail(10); got != "of this run" {
		t.Errorf("Tail = %q", got)
	}
	if got := process.Tail(log, 0, 1); got != "of this run" {
		t.Errorf("last line of the file = %q", got)
	}
}

func TestTheEnvironmentIsCompleteEvenWhenEmpty(t *testing.T) {
	t.Setenv("LEAK", "yes")
	log := filepath.Join(t.TempDir(), "log")
	p, err := process.Start(process.Spec{Name: "env", Path: "/usr/bin/env", Log: log})
	if err != nil {
		t.Fatal(err)
	}
	<-p.Done()
	if got := p.Tail(10); got != "" {
		t.Errorf("environment: %q", got)
	}
}

func TestKillReachesTheWholeGroup(t *testing.T) {
	p := shell(t, "sleep 600 & echo $!; wait")
	child := process.Identify(number(t, line(t, p)))
	if !child.Alive() {
		t.Fatal("the grandchild does not run")
	}
	if err := p.Kill(); err != nil {
		t.Fatal(err)
	}
	waitUntil(t, "the grandchild is gone", func() bool { return !child.Alive() })
	if p.ID().Alive() || p.Err() == nil {
		t.Errorf("after Kill: alive %v, Err %v", p.ID().Alive(), p.Err())
	}
}

func TestStopIsAskedForFirstAndForcedLater(t *testing.T) {
	tests := []struct {
		name, script string
		code         int
		forced       bool
	}{
		{"one that obeys", "trap 'exit 0' TERM; echo up; while :; do sleep 0.01; done", 0, false},
		{"one that does not", "trap '' TERM; echo up; while :; do sleep 0.01; done", -1, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := shell(t, tt.script)
			line(t, p)
			limit := 20 * time.Second
			if tt.forced {
				limit = 100 * time.Millisecond
			}
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			defer cancel()
			if err := p.Stop(ctx); (err != nil) != tt.forced {
				t.Errorf("Stop: %v", err)
			}
			if p.ExitCode() != tt.code {
				t.Errorf("exit code %d, want %d", p.ExitCode(), tt.code)
			}
		})
	}
}

func TestAPausedProcessStopsAndContinues(t *testing.T) {
	p := shell(t, "echo up; exec sleep 600")
	line(t, p)
	if err := p.Pause(); err != nil {
		t.Fatal(err)
	}
	waitUntil(t, "stopped", func() bool { return state(t, p.PID()) == "T" })
	if !p.ID().Alive() {
		t.Error("a paused process is not alive")
	}
	if err := p.Resume(); err != nil {
		t.Fatal(err)
	}
	waitUntil(t, "continued", func() bool { return state(t, p.PID()) != "T" })
	if err := p.Pause(); err != nil {
		t.Fatal(err)
	}
	if err := p.Stop(t.Context()); err != nil {
		t.Errorf("Stop of a paused process: %v", err)
	}
}

func TestOnlyTheOwnerOfASocketListens(t *testing.T) {
	p, err := process.Start(process.Spec{
		Name: "listener", Path: os.Args[0], Args: []string{"as", "listener"}, Log: filepath.Join(t.TempDir(), "log"),
	})
	if err != nil {
		t.Fatal(err)
	}
	port := number(t, line(t, p))
	if !p.ID().Listens(port) {
		t.Error("the owner does not listen")
	}
	if shell(t, "exec sleep 600").ID().Listens(port) {
		t.Error("another process listens on the port")
	}
	if err := p.Kill(); err != nil {
		t.Fatal(err)
	}
	if p.ID().Listens(port) {
		t.Error("a dead process listens")
	}
}

func TestAProcessListensThroughItsChildAndEndsWithIt(t *testing.T) {
	p := shell(t, os.Args[0]+" as listener & wait")
	port := number(t, line(t, p))
	if !p.ID().Listens(port) {
		t.Error("the parent of the owner does not listen")
	}
	if err := p.Kill(); err != nil {
		t.Fatal(err)
	}
	waitUntil(t, "free", func() bool { return free(port) })
}

func free(port int) bool {
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	return err == nil && l.Close() == nil
}

func TestAChildDiesWithItsParentUnlessDetached(t *testing.T) {
	for _, kind := range []string{"attached", "detached"} {
		t.Run(kind, func(t *testing.T) {
			cmd := exec.Command(os.Args[0], "as", "parent", filepath.Join(t.TempDir(), "log"), kind)
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			said, err := bufio.NewReader(out).ReadString('\n')
			if err != nil {
				t.Fatal(err)
			}
			child := process.Identify(number(t, said))
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			if err := cmd.Wait(); err == nil {
				t.Fatal("the parent ended cleanly")
			}
			if kind == "detached" {
				if !child.Alive() {
					t.Error("a detached child died with its parent")
				}
				if err := child.Kill(); err != nil {
					t.Error(err)
				}
			}
			waitUntil(t, "the child is gone", func() bool { return !child.Alive() })
		})
	}
}

func TestAnIDOfAnEarlierProcessIsNotAliveAndEndsNobody(t *testing.T) {
	p := shell(t, "exec sleep 600")
	now := p.ID()
	for name, id := range map[string]process.ID{
		"other start": {PID: now.PID, Started: now.Started - 1, Boot: now.Boot},
		"other boot":  {PID: now.PID, Started: now.Started, Boot: "before"},
		"nobody":      {},
	} {
		if id.Alive() {
			t.Errorf("%s: alive", name)
		}
		if err := id.Kill(); err != nil {
			t.Errorf("%s: Kill: %v", name, err)
		}
		if err := id.Stop(t.Context()); err != nil {
			t.Errorf("%s: Stop: %v", name, err)
		}
	}
	if !now.Alive() {
		t.Error("the process was ended by an ID that is not its own")
	}
}

func TestAProgramThatIsNotThereIsNamed(t *testing.T) {
	_, err := process.Start(process.Spec{Name: "ghost", Path: "/nowhere/ghost"})
	if err == nil || !strings.HasPrefix(err.Error(), "ghost: ") {
		t.Errorf("error: %v", err)
	}
}

// line waits for the first line of the log.
func line(t *testing.T, p *process.Process) string {
	t.Helper()
	waitUntil(t, "a line in the log", func() bool { return p.Tail(1) != "" })
	return p.Tail(1)
}

func number(t *testing.T, text string) int {
	t.Helper()
	n, err := strconv.Atoi(strings.TrimSpace(text))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func state(t *testing.T, pid int) string {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(text), "\n")
	i := slices.IndexFunc(lines, func(l string) bool { return strings.HasPrefix(l, "State:") })
	return strings.Fields(lines[i])[1]
}

func waitUntil(t *testing.T, what string, done func() bool) {
	t.Helper()
	deadline := time.NewTimer(20 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-deadline.C:
			t.Fatalf("not within 20 s: %s", what)
		case <-tick.C:
		}
	}
}
