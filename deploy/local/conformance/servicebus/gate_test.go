//go:build unix

package servicebus_test

import (
	"bufio"
	"bytes"
	_ "embed" // of the list
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/provingground/provingground/pkg/servicebustest"
	"github.com/provingground/provingground/pkg/servicebustest/access"
)

const suite = "github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"

// passing lists the tests of the suite that pass. It can only grow: a test that
// passes and is not in it fails this one too.
//
//go:embed passing.txt
var passing string

// notRun are tests of the suite that cannot say anything about this server:
// WebSocket is refused; one wants a server so slow that a client that waits
// longer gathers more; one wants the port of TLS in an error; and parts of two
// ask Microsoft Entra.
const notRun = "^(TestNewClientWithWebsockets|TestReceiveWithDifferentWaitTime|TestClientUsingCustomEndpoint)$|/invalid_identity_creds"

// TestTheSuiteOfAzservicebusPasses runs the live tests of azservicebus, taken
// from its module, against a server in this process.
func TestTheSuiteOfAzservicebusPasses(t *testing.T) {
	dir := copySuite(t)
	s := startForSuite(t)
	cmd := exec.CommandContext(t.Context(), "go", "test", "-json", "-timeout", "9m", "-skip", notRun, ".", "./admin", "./internal/...")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), environment(s)...)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, _ := cmd.Output() // tests that are not in the list may fail
	got := passed(t, out)
	if len(got) == 0 {
		t.Fatalf("no test of the suite passed: %s", errs.String())
	}
	want := strings.Split(strings.TrimSpace(passing), "\n")
	for _, name := range want {
		if !got[name] {
			t.Errorf("%s does not pass any more", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(got)) {
		if !slices.Contains(want, name) {
			t.Errorf("%s passes and is not in passing.txt: add it", name)
		}
	}
	if t.Failed() {
		t.Logf("output of what failed:\n%s", failures(out))
	}
}

// copySuite copies the module and lets its tests reach a server on this machine:
// by connection string instead of Microsoft Entra, and administration by its own
// address.
func copySuite(t *testing.T) string {
	t.Helper()
	found, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", suite).Output()
	if err != nil {
		t.Fatalf("go list -m %s: %v", suite, err)
	}
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(strings.TrimSpace(string(found)))); err != nil {
		t.Fatal(err)
	}
	writable(t, dir)
	edit(t, filepath.Join(dir, "internal/test/test_helpers.go"),
		"\tif options.UseConnectionString {", "\tif true {",
		"\tiv := GetIdentityVars(t)\n\n\tem, err := atom.NewEntityManager(iv.Endpoint, iv.Cred, \"\", nil)",
		"\tem, err := atom.NewEntityManagerWithConnectionString(GetConnectionString(t, EnvKeyConnectionString), \"\", nil)")
	edit(t, filepath.Join(dir, "internal/atom/entity_manager.go"),
		`fmt.Sprintf("https://%s/", ns)`, `"http://" + os.Getenv("SERVICEBUS_ADMIN") + "/"`,
		"import (", "import (\n\t\"os\"")
	edit(t, filepath.Join(dir, "internal/amqpLinks_test.go"),
		"\tiv := test.GetIdentityVars(t)\n", "",
		"NamespaceWithTokenCredential(iv.Endpoint, iv.Cred)", `NamespaceWithConnectionString(test.GetConnectionString(t, test.EnvKeyConnectionString))`)
	edit(t, filepath.Join(dir, "internal/sas/sas.go"),
		`"Endpoint=sb://%s;SharedAccessSignature=%s"`, `"Endpoint=sb://%s;SharedAccessSignature=%s;UseDevelopmentEmulator=true"`)
	return dir
}

func writable(t *testing.T, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			return os.Chmod(name, 0o755)
		}
		return os.Chmod(name, 0o644)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// edit replaces pairs of text, each of which must be there.
func edit(t *testing.T, file string, pairs ...string) {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	text := string(raw)
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(text, pairs[i]) {
			t.Fatalf("%s has no %q: another version of the suite?", file, pairs[i])
		}
		text = strings.ReplaceAll(text, pairs[i], pairs[i+1])
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// keys are those that the suite wants, by the end of their variable.
func keys() map[string]servicebustest.Key {
	return map[string]servicebustest.Key{
		"":             {Name: "Root", Secret: "root", Rights: access.Manage},
		"_PREMIUM":     {Name: "Root", Secret: "root", Rights: access.Manage},
		"_NO_MANAGE":   {Name: "NoManage", Secret: "no-manage", Rights: access.Send | access.Listen},
		"_SEND_ONLY":   {Name: "SendOnly", Secret: "send-only", Rights: access.Send},
		"_LISTEN_ONLY": {Name: "ListenOnly", Secret: "listen-only", Rights: access.Listen},
	}
}

func startForSuite(t *testing.T) *servicebustest.Server {
	t.Helper()
	s, err := servicebustest.NewServer(servicebustest.Options{Keys: slices.Collect(maps.Values(keys()))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	for name, sessions := range map[string]bool{"testQueue": false, "testQueueWithSessions": true} {
		if err := s.CreateQueue(name, servicebustest.Settings{LockDuration: 5 * time.Minute, RequiresSession: sessions}); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func environment(s *servicebustest.Server) []string {
	env := []string{
		"AZURE_RECORD_MODE=live", "GOFLAGS=-mod=mod", "GOWORK=off",
		"SERVICEBUS_ENDPOINT=" + s.Addr(), "SERVICEBUS_ENDPOINT_PREMIUM=" + s.Addr(),
		"SERVICEBUS_ADMIN=" + s.AdminAddr(),
	}
	for end, key := range keys() {
		env = append(env, "SERVICEBUS_CONNECTION_STRING"+end+"="+s.ConnectionStringFor(key))
	}
	return env
}

// result is a line of go test -json.
type result struct {
	Action, Package, Test, Output string
}

func results(out []byte, f func(result)) {
	lines := bufio.NewScanner(bytes.NewReader(out))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var r result
		if json.Unmarshal(lines.Bytes(), &r) == nil {
			f(r)
		}
	}
}

// passed returns the top-level tests that passed, as "package TestName".
func passed(t *testing.T, out []byte) map[string]bool {
	t.Helper()
	got := map[string]bool{}
	results(out, func(r result) {
		if r.Action == "pass" && r.Test != "" && !strings.Contains(r.Test, "/") {
			got[path.Base(r.Package)+" "+r.Test] = true
		}
	})
	return got
}

func failures(out []byte) string {
	output, failed := map[string]string{}, ""
	results(out, func(r result) {
		name := r.Package + " " + r.Test
		output[name] += r.Output
		if r.Action == "fail" && r.Test != "" {
			failed += fmt.Sprintf("%s:\n%.3000s\n", name, output[name])
		}
	})
	return failed
}
