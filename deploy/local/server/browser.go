//go:build unix

package server

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
)

// Browser returns Chromium for tests of pages, and what it needs beside the caller's
// environment: the machine's own, or Chrome, if one is on PATH, else Debian's,
// unpacked below the root. Unpacked it has no sandbox of its own, so open nothing in
// it but pages of this machine, with --no-sandbox.
func (c *Cloud) Browser(ctx context.Context) (program string, env []string, err error) {
	names := []string{"chromium", "chromium-browser", "google-chrome"}
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil, nil
		}
	}
	// Not usr/bin/chromium, which is a script that knows one place alone.
	const where = "usr/lib/chromium/chromium"
	in := &installer{root: c.root, progress: c.progress}
	dir, err := in.debian(ctx, "chromium", where, "chromium")
	if err != nil {
		return "", nil, fmt.Errorf("none of %q is on PATH: %w", names, err)
	}
	return filepath.Join(dir, where), libraries(dir), nil
}
