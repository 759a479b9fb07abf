package provingground_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/provingground/provingground/scenarios"
)

// TestTheReadmeListsTheCatalogue keeps the table and the headline in step.
func TestTheReadmeListsTheCatalogue(t *testing.T) {
	readme := read(t, "README.md")
	running := 0
	for i, s := range scenarios.All() {
		row := fmt.Sprintf("| %d | ", i+1)
		if s.Runs() {
			running++
			row += fmt.Sprintf("[%s](scenarios/%s) | %s | ", s.Slug, s.Slug, s.Cloud)
		} else {
			row += fmt.Sprintf("%s | %s | planned", s.Slug, s.Cloud)
		}
		if !strings.Contains(readme, row) {
			t.Errorf("README.md has no row %q", row)
		}
	}
	if headline := fmt.Sprintf("**%d of %d** scenarios run today", running, len(scenarios.All())); !strings.Contains(readme, headline) {
		t.Errorf("README.md does not say %q", headline)
	}
}

// TestEveryScenarioHasItsPage wants the sections that readers look for.
func TestEveryScenarioHasItsPage(t *testing.T) {
	for _, s := range scenarios.All() {
		if !s.Runs() {
			continue
		}
		page := read(t, filepath.Join("scenarios", s.Slug, "README.md"))
		for _, want := range []string{
			s.Question, "```mermaid", "## Try it", "## What you will see", "## Guarantee", "## FAILURES", "## Numbers", "## When not to use it", "## In production",
		} {
			if !strings.Contains(page, want) {
				t.Errorf("the page of %s has no %q", s.Slug, want)
			}
		}
		for _, d := range s.Drills {
			if !strings.Contains(page, "`"+d.Name+"`") {
				t.Errorf("the page of %s does not mention the drill %s", s.Slug, d.Name)
			}
		}
	}
}

// TestReadmeCommandsAreTargets runs what can be asked without running it: every
// make command in a README names a target and a scenario that exist.
func TestReadmeCommandsAreTargets(t *testing.T) {
	command := regexp.MustCompile(`(?m)^(make [a-z].*)$`)
	files, err := filepath.Glob("scenarios/*/README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range append(files, "README.md") {
		for _, found := range command.FindAllString(read(t, file), -1) {
			line, _, _ := strings.Cut(found, "#")
			args := append([]string{"-n"}, strings.Fields(line)[1:]...)
			if out, err := exec.CommandContext(t.Context(), "make", args...).CombinedOutput(); err != nil {
				t.Errorf("%s: %q: %v\n%s", file, line, err, out)
			}
		}
	}
}

// TestTheFirstCommandWorks executes the README's main command as it stands,
// with rate and duration lowered.
func TestTheFirstCommandWorks(t *testing.T) {
	const main = "make load S=urlshortener"
	if !strings.Contains(read(t, "README.md"), "\n"+main) {
		t.Fatalf("README.md has no line %q", main)
	}
	cmd := exec.CommandContext(t.Context(), "make", strings.Fields(main)[1:]...)
	cmd.Env = append(os.Environ(), "LOADFLAGS=-rate 200 -duration 3s -warmup 1s -records 1000 -untimed -reports "+t.TempDir())
	cmd.Args = append(cmd.Args, "-e") // the environment wins over the Makefile
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "verdict: pass") {
		t.Errorf("%s: %v\n%s", main, err, out)
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}
