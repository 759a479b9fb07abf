//go:build unix

package server_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/provingground/provingground/deploy/local/server"
)

func TestAToolOfTheMachineIsTakenAsItIs(t *testing.T) {
	bin, root := t.TempDir(), t.TempDir()
	t.Setenv("PATH", bin)
	want := filepath.Join(bin, "measure")
	if err := os.WriteFile(want, []byte("#!/bin/sh\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	c, err := server.Open(t.Context(), server.Options{Root: root, Provider: server.Native})
	if err != nil {
		t.Fatal(err)
	}
	got, env, err := c.Tool(t.Context(), "usr/bin/measure", "measure")
	if err != nil || got != want || env != nil {
		t.Errorf("got %q, %q, %v, want %q and nothing beside", got, env, err, want)
	}
	if left, err := os.ReadDir(root); err != nil || len(left) != 0 {
		t.Errorf("below the root are %v, %v, want nothing installed", left, err)
	}
}

func TestAToolThatCannotBeHadIsAnError(t *testing.T) {
	t.Setenv("PATH", t.TempDir()) // without apt-get
	c, err := server.Open(t.Context(), server.Options{Root: t.TempDir(), Provider: server.Native})
	if err != nil {
		t.Fatal(err)
	}
	if got, _, err := c.Tool(t.Context(), "usr/bin/no-such-tool", "no-such-tool"); err == nil {
		t.Errorf("got %q, want an error", got)
	}
}
