//go:build unix

// Package pubsubpython_test runs Google's Python client against the Pub/Sub of
// the local cloud: what one language's client does not show, another's may.
package pubsubpython_test

import (
	_ "embed" // of the pinned requirements
	"os"
	"strings"
	"testing"

	"github.com/provingground/provingground/deploy/local/server"
)

//go:embed requirements.txt
var pins string

func TestThePythonClientFindsWhatItExpects(t *testing.T) {
	cloud, err := server.Open(t.Context(), server.Options{Provider: server.Native, Out: t.Output()})
	if err != nil {
		t.Fatal(err)
	}
	set, err := cloud.Start(t.Context(), "pubsub")
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := set.Close(); err != nil {
			t.Error(err)
		}
	}()
	if _, err := os.Stat("conformance.py"); err != nil { // the result is cached by the files looked at
		t.Fatal(err)
	}
	python, err := cloud.PythonPackages(t.Context(), "google-cloud-pubsub", pins)
	if err != nil {
		t.Fatal(err)
	}
	python.Args = append(python.Args, "conformance.py")
	for name, value := range set.Env() {
		python.Env = append(python.Env, name+"="+value)
	}
	out, err := python.CombinedOutput()
	if err != nil {
		t.Errorf("conformance.py: %v\n%s", err, out)
	}
	if checks := strings.Count(string(out), "ok "); checks != 11 {
		t.Errorf("%d checks were made, want 11\n%s", checks, out)
	}
}
