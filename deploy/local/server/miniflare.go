//go:build unix

package server

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// miniflareFiles are our programs, which Miniflare runs in.
//
//go:embed cloudflare/*.mjs cloudflare/package.json cloudflare/package-lock.json
var miniflareFiles embed.FS

// miniflare is Miniflare with our programs beside it, ready to run.
type miniflare struct {
	dir  string
	node node
}

// miniflare installs Miniflare and workerd from npm, and writes our programs
// beside them anew each time: they belong to this version of ours.
func (in *installer) miniflare(ctx context.Context) (miniflare, error) {
	texts := map[string]string{}
	err := fs.WalkDir(miniflareFiles, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := miniflareFiles.ReadFile(name)
		texts[filepath.Base(name)] = string(text)
		return err
	})
	if err != nil {
		return miniflare{}, err
	}
	dir, n, err := in.packages(ctx, "miniflare", "Miniflare and workerd (npm packages, about 210 MB on disk)", texts["package.json"], texts["package-lock.json"])
	if err != nil {
		return miniflare{}, err
	}
	m := miniflare{dir: dir, node: n}
	for name, text := range texts {
		if strings.HasSuffix(name, ".mjs") {
			err = errors.Join(err, replaceFile(filepath.Join(dir, name), text, 0o644))
		}
	}
	return m, errors.Join(err, m.bind())
}

// bind writes the script that lets workerd end with its parent, which Linux alone
// can do.
func (m miniflare) bind() error {
	if runtime.GOOS != "linux" {
		return nil
	}
	found, err := filepath.Glob(filepath.Join(m.dir, "node_modules/@cloudflare/workerd-linux-*/bin/workerd"))
	if err != nil || len(found) != 1 {
		return fmt.Errorf("%d programs of workerd below %s: %w", len(found), m.dir, err)
	}
	const text = "#!/bin/sh\nexec setpriv --pdeathsig KILL '%s' \"$@\"\n"
	return replaceFile(filepath.Join(m.dir, "workerd.sh"), fmt.Sprintf(text, found[0]), 0o755)
}

// replaceFile writes a file as a whole, or leaves it alone when it is the same:
// another process may be reading it.
func replaceFile(name, text string, mode os.FileMode) error {
	if old, err := os.ReadFile(name); err == nil && string(old) == text {
		return nil
	}
	f, err := os.CreateTemp(filepath.Dir(name), ".new-*")
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	if err = errors.Join(err, f.Chmod(mode), f.Close()); err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return os.Rename(f.Name(), name)
}

// script is one of our programs.
func (m miniflare) script(name string) program {
	return program{path: m.node.path, args: []string{filepath.Join(m.dir, name)}, env: m.node.env()}
}

// WorkerProgram returns the command that runs a Worker: a program, its arguments
// and its environment. Settings in the environment say which Worker and where;
// worker.mjs names them.
func (c *Cloud) WorkerProgram(ctx context.Context) (path string, args, env []string, err error) {
	m, err := (&installer{root: c.root, progress: c.progress}).miniflare(ctx)
	if err != nil {
		return "", nil, nil, err
	}
	p := m.script("worker.mjs")
	return p.path, p.args, p.env, nil
}
