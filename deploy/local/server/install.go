//go:build unix

package server

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// installer puts programs below root/pkg. What it has put there once is found
// again by its stamp, without network.
type installer struct {
	root     string
	progress *progress
}

// once runs install for the folder root/pkg/name unless its stamp says that
// exactly these pins are there. Install gets an empty folder; the stamp is
// written last, so that an interrupted installation is done again.
func (in *installer) once(ctx context.Context, name, pins string, install func(ctx context.Context, dir string) error) (string, error) {
	dir := filepath.Join(in.root, "pkg", name)
	stamp := filepath.Join(dir, ".stamp")
	sum := sha256.Sum256([]byte(pins))
	want := hex.EncodeToString(sum[:])
	if got, err := os.ReadFile(stamp); err == nil && string(got) == want {
		return dir, nil
	}
	unlock, err := lockFile(ctx, in.progress, dir+".lock")
	if err != nil {
		return "", err
	}
	defer unlock()
	if got, err := os.ReadFile(stamp); err == nil && string(got) == want {
		return dir, nil
	}
	if err := errors.Join(os.RemoveAll(dir), os.MkdirAll(dir, 0o755)); err != nil {
		return "", err
	}
	if err := install(ctx, dir); err != nil {
		return "", err
	}
	return dir, os.WriteFile(stamp, []byte(want), 0o600)
}

// machine distinguishes what the same package name means elsewhere.
func machine() string {
	release, err := os.ReadFile("/etc/os-release")
	if err != nil {
		release = nil
	}
	return runtime.GOOS + "/" + runtime.GOARCH + "\n" + string(release)
}

// run runs a command with our own environment, so that proxies and certificates
// of this machine count, and returns its output; an error carries the end of it.
func run(ctx context.Context, env []string, path string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	if err == nil {
		return string(out), nil
	}
	if ctx.Err() != nil {
		return "", context.Cause(ctx)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	return "", fmt.Errorf("%s %s: %w\n%s", path, strings.Join(args, " "), err,
		strings.Join(lines[max(0, len(lines)-10):], "\n"))
}

// Install installs what the named servers need and starts nothing.
func (c *Cloud) Install(ctx context.Context, names ...string) error {
	defs, err := find(names)
	if err != nil {
		return err
	}
	for _, d := range defs {
		if _, err := d.program(ctx, &installer{root: c.root, progress: c.progress}); err != nil {
			return fmt.Errorf("%s: %w", d.Name, err)
		}
	}
	return nil
}
