package pubsubtest_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	// Its own tests run below; the import keeps them in go.mod.
	_ "gocloud.dev/pubsub/gcppubsubv2"

	"github.com/provingground/provingground/pkg/pubsubtest"
)

// TestGoCloudConformance runs the conformance suite of gocloud.dev/pubsub
// (drivertest), through gocloud's driver on the real client, against a server.
func TestGoCloudConformance(t *testing.T) {
	srv := pubsubtest.NewServer(t, pubsubtest.Options{})
	cmd := exec.CommandContext(t.Context(), "go", "test", "-count=1", "-v", "-run", "^TestConformance$", "gocloud.dev/pubsub/gcppubsubv2", "-record") // against a server, not a recording
	cmd.Env = append(os.Environ(), "PUBSUB_EMULATOR_HOST="+srv.Addr())
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if passed := strings.Count(string(out), "--- PASS: TestConformance/"); passed < 13 {
		t.Errorf("%d tests ran, want all 13 or more\n%s", passed, out)
	}
}
