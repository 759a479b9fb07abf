package provingground_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/provingground/provingground/scenarios"
)

// TestAScenarioCanBeCopied takes each scenario, with the packages of pkg/ that
// it uses, into an empty module, as a reader would, and builds it there.
func TestAScenarioCanBeCopied(t *testing.T) {
	for _, s := range scenarios.All() {
		if !s.Runs() {
			continue
		}
		t.Run(s.Slug, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			for _, p := range needed(t, "./scenarios/"+s.Slug+"/...") {
				copyPackage(t, p, filepath.Join(dir, filepath.FromSlash(p)))
			}
			copyModuleFiles(t, dir)
			cmd := exec.CommandContext(t.Context(), "go", "vet", "./...")
			cmd.Dir = dir
			// Everything is in the module cache: the copy needs nothing new.
			cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOPROXY=off", "GOWORK=off")
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("go vet in the copy: %v\n%s", err, out)
			}
		})
	}
}

// needed returns the packages of this module that a pattern needs, itself included.
func needed(t *testing.T, pattern string) []string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", pattern).Output()
	if err != nil {
		t.Fatalf("go list -deps %s: %v", pattern, err)
	}
	var all []string
	for _, p := range strings.Fields(string(out)) {
		if path, ok := inside(p); ok {
			all = append(all, path)
		}
	}
	return all
}

func copyPackage(t *testing.T, from, to string) {
	t.Helper()
	if err := os.MkdirAll(to, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, file := range slices.Concat(sources(t, from), embedded(t, from)) {
		copyRewritten(t, file, filepath.Join(to, filepath.Base(file)))
	}
}

// embedded returns the files of a package's folder that are compiled into it.
func embedded(t *testing.T, dir string) (files []string) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-f", `{{join .EmbedFiles "\n"}}`, "./"+dir).Output()
	if err != nil {
		t.Fatalf("go list %s: %v", dir, err)
	}
	for _, name := range strings.Fields(string(out)) {
		files = append(files, filepath.Join(dir, name))
	}
	return files
}

func copyModuleFiles(t *testing.T, dir string) {
	t.Helper()
	for _, file := range []string{"go.mod", "go.sum"} {
		copyRewritten(t, file, filepath.Join(dir, file))
	}
}

// copyRewritten copies a file under another module's path.
func copyRewritten(t *testing.T, from, to string) {
	t.Helper()
	raw, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	ours := []byte(strings.TrimSuffix(module, "/"))
	if err := os.WriteFile(to, bytes.ReplaceAll(raw, ours, []byte("example.com/product")), 0o600); err != nil {
		t.Fatal(err)
	}
}
