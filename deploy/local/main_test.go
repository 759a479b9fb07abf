//go:build unix

package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/provingground/provingground/deploy/local/server"
)

// local runs the command with a root of its own and returns what it printed.
func local(t *testing.T, root string, args ...string) (out string, err error) {
	t.Helper()
	var b bytes.Buffer
	err = run(context.WithoutCancel(t.Context()), world{out: &b, err: t.Output(), root: root}, args)
	return b.String(), err
}

// emptyClone is a root with the programs that this clone has installed.
func emptyClone(t *testing.T) string {
	t.Helper()
	c, err := server.Recall("", t.Output())
	if err != nil {
		t.Fatal(err)
	}
	root, pkg := t.TempDir(), filepath.Join(c.Root(), "pkg")
	if err := os.MkdirAll(pkg, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(pkg, filepath.Join(root, "pkg")); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PROVIDER", "native")
	t.Cleanup(func() {
		if _, err := local(t, root, "down"); err != nil {
			t.Error(err)
		}
	})
	return root
}

func TestUpStatusLogsAndDown(t *testing.T) {
	root := emptyClone(t)
	steps := []struct {
		command string
		want    []string
	}{
		{"up redis", []string{"REDIS_URL=redis://127.0.0.1:"}},
		{"up redis", []string{"REDIS_URL=redis://127.0.0.1:"}},
		{"status", []string{"redis", "native", "healthy"}},
		{"logs redis", []string{"==> redis", "Ready to accept connections"}},
		{"down dynamodb", nil},
		{"status", []string{"healthy"}},
		{"down", nil},
		{"status", []string{"nothing runs"}},
		{"down", nil},
	}
	for _, step := range steps {
		out, err := local(t, root, strings.Fields(step.command)...)
		if err != nil {
			t.Fatalf("%s: %v", step.command, err)
		}
		for _, want := range step.want {
			if !strings.Contains(out, want) {
				t.Errorf("%s: %q lacks %q", step.command, out, want)
			}
		}
	}
}

func TestCleanLeavesNothing(t *testing.T) {
	root := emptyClone(t)
	if _, err := local(t, root, "up", "redis"); err != nil {
		t.Fatal(err)
	}
	if _, err := local(t, root, "clean"); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(root); !os.IsNotExist(err) {
		t.Errorf("left: %v, %v", left, err)
	}
}

func TestRunAnnouncesTheScenarioAndEndsItsRolesOnCtrlC(t *testing.T) {
	root := emptyClone(t)
	ctx, ctrlC := context.WithCancel(t.Context())
	defer ctrlC()
	out, in := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		ended <- run(ctx, world{out: in, err: t.Output(), root: root}, []string{"run", "urlshortener"})
		in.Close()
	}()
	var said strings.Builder
	for lines := bufio.NewScanner(out); lines.Scan(); {
		said.WriteString(lines.Text() + "\n")
		if strings.HasPrefix(lines.Text(), "Ctrl-C") {
			ctrlC()
		}
	}
	if err := <-ended; err != nil {
		t.Fatalf("run: %v", err)
	}
	for _, want := range []string{"URL shortener runs", "api      1  http://127.0.0.1:", "try: curl -i http://127.0.0.1:"} {
		if !strings.Contains(said.String(), want) {
			t.Errorf("%q lacks %q", said.String(), want)
		}
	}
	left, err := local(t, root, "status")
	if err != nil || strings.Contains(left, "urlshortener") || strings.Count(left, "healthy") != 2 {
		t.Errorf("after Ctrl-C: %q, %v; want the two servers alone", left, err)
	}
}

func TestWhatIsAskedWronglyIsOneLineAndExitCode2(t *testing.T) {
	t.Setenv("PROVIDER", "podman")
	t.Setenv("AWS_ENDPOINT_URL_DYNAMODB", "")
	t.Setenv("AWS_ENDPOINT_URL", "")
	tests := []struct{ command, want string }{
		{"start", `no command "start": there are up, install, down, status, logs, run, provision, modules, clean`},
		{"up urlshortner", `no scenario or server "urlshortner": there are urlshortener, `},
		{"logs urlshortner", `no scenario or server "urlshortner"`},
		{"run", "say which scenario: urlshortener"},
		{"run redis", `no scenario "redis": there are urlshortener`},
		{"run mediatranscode", "planned and has no code yet"},
		{"up redis", `PROVIDER="podman": want env, docker or native`},
		{"status all", "status takes no argument"},
		{"clean all", "clean takes no argument"},
	}
	for _, tt := range tests {
		_, err := local(t, t.TempDir(), strings.Fields(tt.command)...)
		if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want one line with %q", tt.command, err, tt.want)
		}
		if exitCode(err) != 2 {
			t.Errorf("%s: exit code %d, want 2", tt.command, exitCode(err))
		}
	}
}

func TestWithoutACommandTheUsageIsShown(t *testing.T) {
	_, err := local(t, t.TempDir())
	if err == nil || exitCode(err) != 2 {
		t.Fatalf("error %v, exit code %d", err, exitCode(err))
	}
	for _, c := range commands() {
		if !strings.Contains(err.Error(), c.name) {
			t.Errorf("usage lacks %s", c.name)
		}
	}
}
