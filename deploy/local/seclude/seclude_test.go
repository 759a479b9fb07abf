//go:build linux

package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestMain lets this binary be the command and the server it runs, too.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "command":
			os.Args = os.Args[1:]
			main()
			return
		case inside:
			main()
			return
		case "server":
			server()
			return
		}
	}
	os.Exit(m.Run())
}

// server binds every interface and tells the id of its process in its namespace.
func server() {
	if l, err := net.Listen("tcp", ":"+os.Getenv("HIDDEN")); err == nil {
		defer l.Close()
	}
	err := http.ListenAndServe(":"+os.Getenv("PORT"), http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, os.Getpid())
	}))
	fmt.Fprintln(os.Stderr, err)
}

func free(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
}

func start(t *testing.T, port, hidden string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0], "command", os.Args[0], "server")
	cmd.Env = append(os.Environ(), "PORT="+port, "HIDDEN="+hidden)
	cmd.Stderr = t.Output()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	return cmd
}

// ask returns nothing as long as nobody answers.
func ask(port string) string {
	c := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 2 * time.Second}
	resp, err := c.Get("http://127.0.0.1:" + port)
	if err != nil {
		return ""
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return ""
	}
	return string(body)
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("still not so: %s", what)
		}
	}
}

func TestOnePortIsReachedAndNoOther(t *testing.T) {
	port, hidden := free(t), free(t)
	start(t, port, hidden)
	eventually(t, "the server answers", func() bool { return ask(port) != "" })
	if pid := ask(port); len(pid) > 2 {
		t.Errorf("the server is process %s there, want one of few", pid)
	}
	if conn, err := net.Dial("tcp4", "127.0.0.1:"+hidden); err == nil {
		conn.Close()
		t.Error("its other port is reached, too")
	}
}

func TestSIGTERMAndSIGKILLLeaveNothing(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		t.Run(sig.String(), func(t *testing.T) {
			port := free(t)
			cmd := start(t, port, free(t))
			eventually(t, "the server answers", func() bool { return ask(port) != "" })
			if err := cmd.Process.Signal(sig); err != nil {
				t.Fatal(err)
			}
			if err := cmd.Wait(); err == nil {
				t.Error("the command ended as if nothing had happened")
			}
			eventually(t, "no process of it is left", func() bool { return !running(t, "PORT="+port) })
		})
	}
}

// running looks for processes whose environment has a variable.
func running(t *testing.T, variable string) bool {
	t.Helper()
	entries, err := os.ReadDir("/proc")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		env, err := os.ReadFile("/proc/" + e.Name() + "/environ")
		if err == nil && strings.Contains("\x00"+string(env), "\x00"+variable+"\x00") {
			return true
		}
	}
	return false
}

func TestBadCallsAreRefused(t *testing.T) {
	for _, c := range []struct {
		port string
		args []string
	}{{"", []string{"true"}}, {"0", []string{"true"}}, {"65536", []string{"true"}}, {"20000", nil}, {"20000", []string{inside}}} {
		if err := run(c.args, c.port, io.Discard); !errors.Is(err, errUsage) {
			t.Errorf("run(%q, %q) = %v, want the usage", c.args, c.port, err)
		}
	}
}
