//go:build unix

package provingground_test

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/provingground/provingground/scenarios"
)

// TestTheReadmeListsTheCatalogue keeps the table and the headline in step.
func TestTheReadmeListsTheCatalogue(t *testing.T) {
	readme := read(t, "README.md")
	running := 0
	for i, s := range scenarios.All() {
		row := fmt.Sprintf("| %d | ", i+1)
		switch {
		case s.Runs():
			running++
			row += fmt.Sprintf("[%s](scenarios/%s) | %s | ", s.Slug, s.Slug, s.Cloud)
		case s.Starts():
			row += fmt.Sprintf("[%s](scenarios/%s) | %s | draft", s.Slug, s.Slug, s.Cloud)
		default:
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

// blocks returns the commands that a page shows to be typed.
func blocks(t *testing.T, file string) []string {
	t.Helper()
	var all []string
	for _, found := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(read(t, file), -1) {
		all = append(all, found[1])
	}
	return all
}

// TestTheCommandsOfThePagesWork executes them as they are written, rate and
// duration lowered, each scenario's in a clone of this tree that has what is
// installed here.
func TestTheCommandsOfThePagesWork(t *testing.T) {
	for _, s := range scenarios.All() {
		if !s.Runs() {
			continue
		}
		page := blocks(t, filepath.Join("scenarios", s.Slug, "README.md"))
		if len(page) < 2 {
			t.Fatalf("the page of %s has %d blocks of commands, want those of make and those of curl", s.Slug, len(page))
		}
		t.Run(s.Slug, func(t *testing.T) {
			t.Parallel() // most of the time is that of the faults
			commandsWork(t, clone(t), s, page[0], page[1])
		})
	}
}

func commandsWork(t *testing.T, clone string, s scenarios.Scenario, commands, tries string) {
	for line := range strings.Lines(commands) {
		command, _, _ := strings.Cut(line, "#")
		args := strings.Fields(command)
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			if strings.HasPrefix(command, "make run ") {
				tryIt(t, clone, s, args, tries)
				return
			}
			cmd := inClone(t, clone, args, small(s))
			cmd.Env = append(cmd.Env, "D="+eachPush(s))
			out, err := cmd.CombinedOutput()
			if err != nil || !strings.Contains(string(out), "verdict: pass") {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

// TestTheFrontPageNamesCommandsThatThePagesProve holds the two commands: the
// first is executed on its scenario's page, the second is what runs this.
func TestTheFrontPageNamesCommandsThatThePagesProve(t *testing.T) {
	front := blocks(t, "README.md")[0]
	first, rest, _ := strings.Cut(front, "\n")
	first = strings.TrimSpace(strings.Split(first, "#")[0])
	if page := blocks(t, "scenarios/urlshortener/README.md")[0]; !strings.Contains(page, first+" ") || !strings.HasPrefix(first, "make load ") {
		t.Errorf("README.md begins with %q, which the page of its scenario does not show", first)
	}
	if !strings.HasPrefix(rest, "make test ") {
		t.Errorf("README.md goes on with %q, want make test", rest)
	}
}

// clone copies the tree, with the programs that are installed in this one.
func clone(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case name == ".git" && !d.IsDir(): // of a worktree
			return nil
		case name == ".git" || name == ".local":
			return fs.SkipDir
		case d.IsDir():
			return os.MkdirAll(filepath.Join(dir, name), 0o755)
		}
		raw, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(dir, name), raw, 0o600)
	}); err != nil {
		t.Fatal(err)
	}
	local, err := filepath.Abs(filepath.Join(".local", "pkg"))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.MkdirAll(local, 0o755), os.Mkdir(filepath.Join(dir, ".local"), 0o755), os.Symlink(local, filepath.Join(dir, ".local", "pkg"))); err != nil {
		t.Fatal(err)
	}
	return dir
}

// small is a load that a scenario bears beside everything else.
func small(s scenarios.Scenario) string {
	return fmt.Sprintf("-rate %g -duration 8s -warmup 1s -records %d -untimed", min(100, s.Target.Rate/2), min(1000, max(20, s.Target.Records/10)))
}

// inClone returns a command of a page, to be run in the clone on a small load.
func inClone(t *testing.T, clone string, args []string, load string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), args[0], append(args[1:], "-e")...) // the environment wins over the Makefile
	cmd.Dir = clone
	cmd.Env = append(os.Environ(), "LOADFLAGS="+load)
	return cmd
}

// eachPush names every fifth drill of a scenario, from another one on in each, so
// that over all scenarios every general drill is among them. It is what `make drill`
// runs here; DRILLS=all runs all of them, which takes half a minute each.
func eachPush(s scenarios.Scenario) string {
	first := slices.IndexFunc(scenarios.All(), func(o scenarios.Scenario) bool { return o.Slug == s.Slug })
	var names []string
	for i, d := range s.Drills {
		if (i+first)%5 == 0 || os.Getenv("DRILLS") == "all" {
			names = append(names, d.Name)
		}
	}
	return strings.Join(names, ",")
}

// tryIt types what the page shows while its scenario runs, and compares the
// statuses with those in the page's comments.
func tryIt(t *testing.T, clone string, s scenarios.Scenario, args []string, page string) {
	t.Helper()
	tried := slices.IndexFunc(s.Roles, func(r scenarios.Role) bool { return r.TryIt != "" })
	address := regexp.MustCompile(`^ +` + s.Roles[tried].Name + ` +0 +(http://127\.0\.0\.1:\d+)`)
	cmd := inClone(t, clone, args, "")
	cmd.Stderr = t.Output()
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C goes to all of them, as a terminal sends it
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var url string
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if found := address.FindStringSubmatch(lines.Text()); found != nil {
			url = found[1]
		}
		if strings.HasPrefix(lines.Text(), "Ctrl-C") {
			typeIn(t, clone, url, page)
			if err := syscall.Kill(-cmd.Process.Pid, syscall.SIGINT); err != nil {
				t.Fatal(err)
			}
		}
	}
	// The program ends cleanly; make itself says that it was interrupted.
	if err := cmd.Wait(); err != nil && cmd.ProcessState.Sys().(syscall.WaitStatus).Signal() != syscall.SIGINT && cmd.ProcessState.ExitCode() != 130 {
		t.Errorf("%s: %v", cmd, err)
	}
	if out, err := inClone(t, clone, []string{"make", "down"}, "").CombinedOutput(); err != nil {
		t.Errorf("make down: %v\n%s", err, out)
	}
}

func typeIn(t *testing.T, clone, url, page string) {
	t.Helper()
	shell := exec.CommandContext(t.Context(), "bash", "-eu")
	shell.Dir = clone
	shell.Env = append(os.Environ(), "URL="+url)
	shell.Stdin = strings.NewReader(page)
	out, err := shell.CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	statuses := func(pattern, text string) (all []string) {
		for _, found := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
			all = append(all, found[1])
		}
		return all
	}
	got, want := statuses(`HTTP/1\.1 (\d{3})`, string(out)), statuses(`# (\d{3})`, page)
	if !slices.Equal(got, want) || len(want) == 0 {
		t.Errorf("the page's commands answer %v, want %v\n%s", got, want, out)
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
