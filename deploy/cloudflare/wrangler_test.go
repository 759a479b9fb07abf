//go:build unix

package cloudflare_test

import (
	_ "embed" // of the pinned packages
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
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
			checkSize(t, name, string(text))
			if modules, err := filepath.Glob(filepath.Join(out, "*.mjs")); err != nil || len(modules) == 0 {
				t.Errorf("nothing was built: %v\n%s", err, text)
			}
		})
	}
}

// freePlan is the size of a Worker on the free plan, compressed, in KiB: "Limits" of
// Cloudflare's documentation, as read in 2026-05. Later copies allow more.
const freePlan = 3 << 10

// checkSize reads what wrangler says of a Worker's size.
func checkSize(t *testing.T, name, text string) {
	t.Helper()
	found := regexp.MustCompile(`Total Upload: ([0-9.]+) KiB / gzip: ([0-9.]+) KiB`).FindStringSubmatch(text)
	if found == nil {
		t.Fatalf("wrangler does not say how large the Worker is:\n%s", text)
	}
	zipped, err := strconv.ParseFloat(found[2], 64)
	if err != nil || zipped > freePlan {
		t.Errorf("%s has %s KiB compressed, more than the %d KiB of the free plan: %v", name, found[2], freePlan, err)
	}
	t.Logf("| %s | %s KiB | %s KiB |", name, found[1], found[2])
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
