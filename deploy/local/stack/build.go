//go:build unix

package stack

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// build compiles every role into root/bin and returns the programs by role, of a
// Worker the folder of its modules.
func (o Options) build(ctx context.Context, edits []Edit) (map[string]string, error) {
	programs := map[string]string{}
	for _, role := range o.Scenario.Roles {
		out := filepath.Join(o.Root, "bin", o.Scenario.Slug+"-"+role.Name+suffix(edits))
		pkg := "./" + filepath.ToSlash(filepath.Join(o.Commands, role.Name))
		began := time.Now()
		var err error
		if role.Worker != "" {
			out, err = o.buildWorker(ctx, pkg, edits, out)
		} else {
			err = build{module: o.Module, pkg: pkg, edits: edits, env: o.target()}.run(ctx, out)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", role.Name, err)
		}
		if took := time.Since(began); took > 2*time.Second {
			fmt.Fprintf(o.Out, "built %s in %.1f s\n", pkg, took.Seconds())
		}
		programs[role.Name] = out
	}
	return programs, nil
}

// target makes programs that run in a container, too, where the roles do.
func (o Options) target() []string {
	if !o.Containers {
		return nil
	}
	return []string{"CGO_ENABLED=0", "GOOS=linux"}
}

// BuildNext compiles the next version of every role: this one with edits. It
// runs from the next Upgrade of a process on.
func (s *Stack) BuildNext(ctx context.Context, edits ...Edit) error {
	programs, err := s.options.build(ctx, edits)
	if err != nil {
		return fmt.Errorf("next version: %w", err)
	}
	for _, in := range s.Instances {
		in.mu.Lock()
		in.next = programs[in.Role]
		in.mu.Unlock()
	}
	return nil
}

// build is one call of the compiler.
type build struct {
	module, pkg string
	edits       []Edit
	env, flags  []string // beside our own
}

// run replaces the program as a whole: another run may be executing it, or
// building it at the same time. The Go tool gets the one that is there to look at,
// and links only what is not up to date.
func (b build) run(ctx context.Context, out string) error {
	if err := os.MkdirAll(filepath.Dir(out), 0o755); err != nil {
		return err
	}
	dir, err := os.MkdirTemp(filepath.Dir(out), "build-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	fresh := filepath.Join(dir, filepath.Base(out))
	_ = os.Link(out, fresh) // only to save work: where there is none, all is linked anew
	args := append([]string{"build", "-buildvcs=false", "-o", fresh}, b.flags...)
	if len(b.edits) > 0 {
		list, err := overlay(b.module, dir, b.edits)
		if err != nil {
			return err
		}
		args = append(args, "-overlay", list)
	}
	cmd := exec.CommandContext(ctx, "go", append(args, b.pkg)...)
	cmd.Dir = b.module
	cmd.Env = append(os.Environ(), b.env...)
	if text, err := cmd.CombinedOutput(); err != nil {
		return errors.Join(fmt.Errorf("go build %s: %w\n%s", b.pkg, err, strings.TrimSpace(string(text))), context.Cause(ctx))
	}
	return os.Rename(fresh, out)
}
