//go:build unix

package aws_test

import (
	_ "embed" // of the pinned requirements
	"os"
	"path/filepath"
	"testing"

	"github.com/provingground/provingground/deploy/local/server"
)

//go:embed requirements.txt
var pins string

func TestEveryTemplateIsCleanForCfnLint(t *testing.T) {
	cloud, err := server.Open(t.Context(), server.Options{Provider: server.Native, Out: t.Output()})
	if err != nil {
		t.Fatal(err)
	}
	templates, err := filepath.Glob("*.yaml")
	if err != nil || len(templates) < 2 {
		t.Fatalf("templates in this folder: %q, %v; want the data plane and the service", templates, err)
	}
	for _, name := range templates {
		// The result is cached by the files that this process looked at.
		if _, err := os.Stat(name); err != nil {
			t.Fatal(err)
		}
	}
	lint, err := cloud.PythonPackages(t.Context(), "cfn-lint", pins)
	if err != nil {
		t.Fatal(err)
	}
	lint.Args = append(lint.Args, "-c", "import sys, cfnlint.runner; sys.exit(cfnlint.runner.main())", "--")
	lint.Args = append(lint.Args, templates...)
	if out, err := lint.CombinedOutput(); err != nil {
		t.Errorf("cfn-lint: %v\n%s", err, out)
	}
}
