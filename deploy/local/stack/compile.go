//go:build unix

package stack

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/provingground/provingground/pkg/edge/bundle"
)

// compile puts a Worker's Go code into a folder, as WebAssembly, and the modules
// that join it to workerd.
func compile(ctx context.Context, module, pkg string, edits []Edit, to string) error {
	b := build{module: module, pkg: pkg, edits: edits, env: []string{"GOOS=js", "GOARCH=wasm"}, flags: []string{"-trimpath", "-ldflags=-s -w"}}
	if err := b.run(ctx, filepath.Join(to, "app.wasm")); err != nil {
		return err
	}
	goroot, err := exec.CommandContext(ctx, "go", "env", "GOROOT").Output()
	if err != nil {
		return fmt.Errorf("go env GOROOT: %w", err)
	}
	return bundle.Write(to, strings.TrimSpace(string(goroot)))
}
