//go:build unix

package cloudflare_test

import (
	_ "embed" // of the pinned packages
	"fmt"
	"math"
	"os"
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

// The strictest limits that Cloudflare's page "Limits" had in its stored copies, in KiB:
// the free plan's, of all modules compressed, and that of the modules as they are.
const (
	freePlan = 3 << 10
	plain    = 64 << 10
)

// checkSize reads what wrangler says of a Worker's size, and compares the page.
func checkSize(t *testing.T, name, text string) {
	t.Helper()
	found := regexp.MustCompile(`Total Upload: ([0-9.]+) KiB / gzip: ([0-9.]+) KiB`).FindStringSubmatch(text)
	if found == nil {
		t.Fatalf("wrangler does not say how large the Worker is:\n%s", text)
	}
	raw, zipped := number(t, found[1]), number(t, found[2])
	if zipped > freePlan || raw > plain {
		t.Errorf("%s has %.0f KiB, %.0f compressed, more than %d or %d", name, raw, zipped, plain, freePlan)
	}
	slug, goWorker := strings.CutSuffix(name, "/wrangler.jsonc")
	row := fmt.Sprintf("| %s | %.0f | %.0f | %.0f %% |", slug, raw, zipped, 100*zipped/freePlan)
	t.Log(row)
	if goWorker {
		checkRow(t, slug, row, raw, zipped)
	}
}

// drift is how far the page's sizes may be from what they are, as a share of them:
// another Go makes other code.
const drift = 0.03

// checkRow wants a Worker's row of the page to be near the row that it should be.
func checkRow(t *testing.T, slug, want string, raw, zipped float64) {
	t.Helper()
	page, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`(?m)^\| ` + regexp.QuoteMeta(slug) + ` \| ([0-9]+) \| ([0-9]+) \| ([0-9]+) % \|$`).FindStringSubmatch(string(page))
	if found == nil {
		t.Fatalf("README.md has no row %s", want)
	}
	near := func(said string, is float64) bool { return math.Abs(number(t, said)-is) <= drift*is }
	if !near(found[1], raw) || !near(found[2], zipped) || !near(found[3], 100*zipped/freePlan) {
		t.Errorf("README.md says %s, want %s", found[0], want)
	}
}

func number(t *testing.T, text string) float64 {
	t.Helper()
	n, err := strconv.ParseFloat(text, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
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
