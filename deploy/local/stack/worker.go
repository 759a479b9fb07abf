//go:build unix

package stack

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/provingground/provingground/deploy/local/process"
	"github.com/provingground/provingground/scenarios"
)

// runner is what runs the processes of a role that is no program by itself: a
// Worker, or a function.
type runner struct {
	path      string
	args, env []string
	function  bool // it hosts a Lambda function, no Worker
}

// runner returns nil for a role that is a program by itself.
func (o Options) runner(ctx context.Context, role scenarios.Role) (*runner, error) {
	if role.Lambda != nil {
		return o.function(ctx, o.Scenario.Slug, role)
	}
	if role.Worker == "" {
		return nil, nil
	}
	path, args, env, err := o.Cloud.WorkerProgram(ctx)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", role.Name, err)
	}
	config := "CONFIG=" + filepath.Join(o.Module, "deploy", filepath.FromSlash(role.Worker))
	return &runner{path: path, args: args, env: append(env, config)}, nil
}

// spec runs the modules in the folder that is named as the program.
func (r *runner) spec(s process.Spec) process.Spec {
	if r.function {
		return r.host(s)
	}
	s.Env = slices.Concat(s.Env, r.env, []string{"DIR=" + s.Path})
	s.Path, s.Args = r.path, r.args
	return s
}

// stateFolder is where a process keeps what outlives it.
func (s *Stack) stateFolder(name string) string {
	name = strings.ReplaceAll(name, "/", "-")
	if dir := s.Servers.Dir(); dir != "" && !s.shared {
		return filepath.Join(dir, name)
	}
	return filepath.Join(s.options.Root, "state", name)
}

// buildWorker puts the modules of a Worker into a folder of its own, which is named
// for what is in it: a process that runs keeps the one it has.
func (o Options) buildWorker(ctx context.Context, pkg string, edits []Edit, out string) (string, error) {
	if err := os.MkdirAll(filepath.Dir(out), 0o755); err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp(filepath.Dir(out), "build-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	fresh := filepath.Join(dir, "worker")
	if err := modules(ctx, o.Module, pkg, edits, fresh); err != nil {
		return "", err
	}
	sum, err := sumOf(fresh)
	if err != nil {
		return "", err
	}
	out += "-" + sum
	if err := os.Rename(fresh, out); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", err
	}
	return out, nil
}

// Modules writes the modules of a Worker into a folder: the scripts of its package,
// and, where it has Go code, that code as WebAssembly with what joins the two. The
// package is named from the working folder, which is that of go.mod.
func Modules(ctx context.Context, pkg, to string) error {
	module, err := moduleFolder()
	if err != nil {
		return err
	}
	return modules(ctx, module, pkg, nil, to)
}

func modules(ctx context.Context, module, pkg string, edits []Edit, to string) error {
	from := filepath.Join(module, filepath.FromSlash(pkg))
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	files, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	for _, f := range files {
		if !isModule(f.Name()) {
			continue
		}
		text, err := os.ReadFile(filepath.Join(from, f.Name()))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(to, f.Name()), text, 0o644); err != nil {
			return err
		}
	}
	if sources, err := filepath.Glob(filepath.Join(from, "*.go")); err != nil || len(sources) == 0 {
		return err
	}
	return compile(ctx, module, pkg, edits, to)
}

func isModule(name string) bool {
	return slices.Contains([]string{".mjs", ".js", ".html", ".css", ".txt"}, filepath.Ext(name))
}

// sumOf is the same for folders with the same files.
func sumOf(dir string) (string, error) {
	h := sha256.New()
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(name)
		fmt.Fprintf(h, "%q %d\n", d.Name(), len(text))
		h.Write(text)
		return err
	})
	return hex.EncodeToString(h.Sum(nil)[:6]), err
}
