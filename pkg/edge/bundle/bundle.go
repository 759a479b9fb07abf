// Package bundle makes the modules that join a Go program to the host of a Worker:
// the glue, and Go's own wasm_exec.js.
package bundle

import (
	_ "embed" // of the glue
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

//go:embed glue/edge.mjs
var glue string

// clock is how Go's wasm_exec.js reads the time. At global scope, where a Worker's
// program starts, clocks stand at 0, and Go refuses to run with that.
const (
	clock = `(timeOrigin + performance.now()) * 1000000`
	ticks = `Math.max(1, (timeOrigin + performance.now()) * 1000000)`
)

// Write puts the modules edge.mjs and wasm_exec.js into dir, beside the program,
// which is to be named app.wasm. Goroot is that of the compiler.
func Write(dir, goroot string) error {
	source := filepath.Join(goroot, "lib", "wasm", "wasm_exec.js")
	raw, err := os.ReadFile(source)
	if err != nil {
		return err
	}
	text := string(raw)
	if n := strings.Count(text, clock); n != 1 {
		return fmt.Errorf("bundle: %s reads the clock in %d places, want 1: another version of Go?", source, n)
	}
	return errors.Join(
		os.WriteFile(filepath.Join(dir, "edge.mjs"), []byte(glue), 0o644),
		os.WriteFile(filepath.Join(dir, "wasm_exec.js"), []byte(strings.Replace(text, clock, ticks, 1)), 0o644))
}
