//go:build unix

package servicebus_test

import (
	"bytes"
	_ "embed" // of the scripts and their pins
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/provingground/provingground/deploy/local/server"
	"github.com/provingground/provingground/pkg/servicebustest"
)

//go:embed requirements.txt
var pins string

// forScripts starts a server with the entities that the scripts use.
func forScripts(t *testing.T) *servicebustest.Server {
	t.Helper()
	s, err := servicebustest.NewServer(servicebustest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	for _, err := range []error{
		s.CreateQueue("q", servicebustest.Settings{}),
		s.CreateQueue("s", servicebustest.Settings{RequiresSession: true}),
		s.CreateQueue("short", servicebustest.Settings{MaxDeliveryCount: 1}),
		s.CreateTopic("t", servicebustest.Settings{}),
		s.CreateSubscription("t", "all", servicebustest.Settings{}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func TestPythonsAzureServicebusWorks(t *testing.T) {
	cloud, err := server.Open(t.Context(), server.Options{Provider: server.Native, Out: t.Output()})
	if err != nil {
		t.Fatal(err)
	}
	python, err := cloud.PythonPackages(t.Context(), "azure-servicebus", pins)
	if err != nil {
		t.Fatal(err)
	}
	python.Args = append(python.Args, "conformance.py", forScripts(t).ConnectionString())
	checks(t, python, regexp.MustCompile(`(?m)^def (\w+)\(c\):`), "conformance.py")
}

func TestJavaScriptsServiceBusWorks(t *testing.T) {
	dir := nodeModules(t)
	node := exec.CommandContext(t.Context(), "node", filepath.Join(dir, "conformance.mjs"), forScripts(t).ConnectionString())
	checks(t, node, regexp.MustCompile(`(?m)^  async (\w+)\(c\)`), "conformance.mjs")
}

// nodeModules installs what the lockfile pins below .local, once, and puts the
// script beside it.
func nodeModules(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../../../../.local/pkg/azure-service-bus")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	changed := false
	for _, name := range []string{"package.json", "package-lock.json", "conformance.mjs"} {
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		old, _ := os.ReadFile(filepath.Join(dir, name))
		changed = changed || !bytes.Equal(old, raw) && name != "conformance.mjs"
		if err := os.WriteFile(filepath.Join(dir, name), raw, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "node_modules")); err == nil && !changed {
		return dir
	}
	npm := exec.CommandContext(t.Context(), "npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts")
	npm.Dir = dir
	if out, err := npm.CombinedOutput(); err != nil {
		t.Fatalf("npm ci (Node 20 or newer with npm must be installed): %v\n%s", err, out)
	}
	return dir
}

// checks runs a script and wants an "ok" for each check that its source has.
func checks(t *testing.T, cmd *exec.Cmd, declared *regexp.Regexp, source string) {
	t.Helper()
	raw, err := os.ReadFile(source)
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.CombinedOutput()
	names := declared.FindAllStringSubmatch(string(raw), -1)
	if len(names) < 15 {
		t.Fatalf("%s declares %d checks", source, len(names))
	}
	for _, name := range names {
		t.Run(name[1], func(t *testing.T) {
			if !strings.Contains("\n"+string(out), "\nok "+name[1]+"\n") {
				t.Error("no ok")
			}
		})
	}
	if err != nil || t.Failed() {
		t.Errorf("%s: %v\n%s", source, err, out)
	}
}
