//go:build unix

package cloudflare_test

import (
	_ "embed" // of the pinned packages
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/provingground/provingground/deploy/cloudflare"
	"github.com/provingground/provingground/deploy/local/server"
)

//go:embed wrangler/package.json
var manifest string

//go:embed wrangler/package-lock.json
var lock string

// TestWranglerAcceptsEveryConfiguration builds and checks each Worker as a
// deployment would, up to the point where it would be sent.
func TestWranglerAcceptsEveryConfiguration(t *testing.T) {
	cloud, err := server.Open(t.Context(), server.Options{Out: t.Output()})
	if err != nil {
		t.Fatal(err)
	}
	names, err := cloudflare.Names()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			wrangler, err := cloud.NodePackages(t.Context(), "wrangler", manifest, lock, "node_modules/wrangler/bin/wrangler.js")
			if err != nil {
				t.Fatal(err)
			}
			out := t.TempDir()
			wrangler.Args = append(wrangler.Args, "deploy", "--dry-run", "--config", filepath.Base(name), "--outdir", out)
			wrangler.Dir = filepath.Dir(name)
			wrangler.Env = append(wrangler.Env, "HOME="+t.TempDir(), "CI=1", "WRANGLER_SEND_METRICS=false", "GOCACHE="+goEnv(t, "GOCACHE"), "GOMODCACHE="+goEnv(t, "GOMODCACHE"))
			text, err := wrangler.CombinedOutput()
			if err != nil || strings.Contains(string(text), "[WARNING]") {
				t.Errorf("wrangler deploy --dry-run: %v\n%s", err, text)
			}
			if modules, err := filepath.Glob(filepath.Join(out, "*.mjs")); err != nil || len(modules) == 0 {
				t.Errorf("nothing was built: %v\n%s", err, text)
			}
		})
	}
}

// goEnv keeps Go's folders ours: wrangler gets a home of its own.
func goEnv(t *testing.T, name string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "env", name).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}
