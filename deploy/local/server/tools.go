//go:build unix

package server

import (
	"context"
	"os"
	"os/exec"
	"path"
	"path/filepath"
)

// Tool returns a program that measurements need and that is no server of the
// table, such as "usr/sbin/nginx" of the Debian package "nginx-light": the
// machine's own if there is one, else the package's, unpacked below the root. Env
// is what it needs beside the caller's environment to find its libraries.
func (c *Cloud) Tool(ctx context.Context, file, pkg string) (program string, env []string, err error) {
	if program, err := exec.LookPath(path.Base(file)); err == nil {
		return program, nil, nil
	}
	// Debian keeps sbin off the search path of users.
	if _, err := os.Stat("/" + file); err == nil {
		return "/" + file, nil, nil
	}
	in := &installer{root: c.root, progress: c.progress}
	dir, err := in.debian(ctx, pkg, file, pkg)
	if err != nil {
		return "", nil, err
	}
	return filepath.Join(dir, file), libraries(dir), nil
}
