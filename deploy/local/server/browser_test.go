//go:build unix

package server_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/provingground/provingground/deploy/local/server"
)

func TestTheBrowserOfTheMachineIsTaken(t *testing.T) {
	bin, root := t.TempDir(), t.TempDir()
	t.Setenv("PATH", bin)
	c, err := server.Open(t.Context(), server.Options{Root: root, Provider: server.Native})
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = c.Browser(t.Context())
	if want := "only Debian and Ubuntu packages are known"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("without a browser and apt-get: %v, want an error that says that %s", err, want)
	}
	want := filepath.Join(bin, "google-chrome")
	if err := os.WriteFile(want, []byte("#!/bin/sh\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	if got, env, err := c.Browser(t.Context()); err != nil || got != want || env != nil {
		t.Errorf("got %q, %q, %v, want %q and nothing beside", got, env, err, want)
	}
}
