package bundle_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/provingground/provingground/pkg/edge/bundle"
)

func TestTheModulesAreWrittenWithAClockThatIsNeverZero(t *testing.T) {
	goroot, err := exec.CommandContext(t.Context(), "go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := bundle.Write(dir, strings.TrimSpace(string(goroot))); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{"edge.mjs": "app.wasm", "wasm_exec.js": "Math.max(1, (timeOrigin"} {
		text, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil || !strings.Contains(string(text), want) {
			t.Errorf("%s lacks %q: %v", file, want, err)
		}
	}
}

func TestAnotherCompilerIsRefused(t *testing.T) {
	if err := bundle.Write(t.TempDir(), t.TempDir()); err == nil {
		t.Error("no error without wasm_exec.js")
	}
}
