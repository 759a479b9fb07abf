//go:build unix

package stack

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// build compiles every role into root/bin and returns the programs by role.
func (o Options) build(ctx context.Context) (map[string]string, error) {
	suffix, err := overlaySuffix(o.Overlay)
	if err != nil {
		return nil, err
	}
	programs := map[string]string{}
	for _, role := range o.Scenario.Roles {
		out := filepath.Join(o.Root, "bin", o.Scenario.Slug+"-"+role.Name+suffix)
		pkg := "./" + filepath.ToSlash(filepath.Join(o.Commands, role.Name))
		began := time.Now()
		if err := goBuild(ctx, o.Module, pkg, o.Overlay, out); err != nil {
			return nil, fmt.Errorf("%s: %w", role.Name, err)
		}
		if took := time.Since(began); took > 2*time.Second {
			fmt.Fprintf(o.Out, "built %s in %.1f s\n", pkg, took.Seconds())
		}
		programs[role.Name] = out
	}
	return programs, nil
}

// overlaySuffix keeps broken builds apart from the shipped one.
func overlaySuffix(overlay string) (string, error) {
	if overlay == "" {
		return "", nil
	}
	text, err := os.ReadFile(overlay)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(append(text, overlay...))
	return "-overlay-" + hex.EncodeToString(sum[:6]), nil
}

// goBuild replaces the program as a whole: another run may be executing it, or
// building it at the same time.
func goBuild(ctx context.Context, module, pkg, overlay, out string) error {
	if err := os.MkdirAll(filepath.Dir(out), 0o755); err != nil {
		return err
	}
	dir, err := os.MkdirTemp(filepath.Dir(out), "build-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	fresh := filepath.Join(dir, filepath.Base(out))
	args := []string{"build", "-buildvcs=false", "-o", fresh}
	if overlay != "" {
		args = append(args, "-overlay", overlay)
	}
	cmd := exec.CommandContext(ctx, "go", append(args, pkg)...)
	cmd.Dir = module
	if text, err := cmd.CombinedOutput(); err != nil {
		return errors.Join(fmt.Errorf("go build %s: %w\n%s", pkg, err, strings.TrimSpace(string(text))), context.Cause(ctx))
	}
	return os.Rename(fresh, out)
}
