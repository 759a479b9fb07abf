//go:build linux

package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/provingground/provingground/scenarios"
)

func TestEveryDrillThatKillsIsInTheCatalogue(t *testing.T) {
	for _, slug := range everyPush() {
		if drill, _ := killing(slug); drill == "" {
			t.Errorf("no drill kills a container of %s", slug)
		}
	}
	for _, s := range scenarios.All() {
		name, why := killing(s.Slug)
		if name == "" {
			if s.Starts() && why == "" {
				t.Errorf("nobody says why no container of %s is killed", s.Slug)
			}
			continue
		}
		if !slices.ContainsFunc(s.Drills, func(d scenarios.Drill) bool { return d.Name == name && len(d.Operations) == 0 }) {
			t.Errorf("%s has no drill %q that needs no proxy", s.Slug, name)
		}
	}
}

func TestHealthIsThatOfEveryContainer(t *testing.T) {
	s, _ := scenarios.Find("urlshortener")
	line := func(name, state string) string { return name + " docker - 127.0.0.1:1 " + state + "\n" }
	all := line("redis", "healthy") + line("dynamodb", "healthy") + line("urlshortener/api/0", "healthy")
	if err := allHealthy(s, all+line("urlshortener/api/1", "healthy")); err != nil {
		t.Error(err)
	}
	for _, status := range []string{all, all + line("urlshortener/api/1", "crashed"), all + line("urlshortener/api/10", "healthy")} {
		if allHealthy(s, status) == nil {
			t.Errorf("taken for healthy:\n%s", status)
		}
	}
}

func TestWhatIsAskedWronglyIsNoDisproof(t *testing.T) {
	for _, args := range [][]string{{"nosuch"}, {"-all", "urlshortener"}, {"-nosuch"}, {"failover"}} {
		if err := run(t.Context(), args, t.Output(), t.Output()); exitCode(err) != 2 {
			t.Errorf("%q: error %v, exit code %d, want 2", args, err, exitCode(err))
		}
	}
	if got := exitCode(fmt.Errorf("%w: no rights", errCannot)); got != 3 {
		t.Errorf("exit code %d where the proof cannot run, want 3", got)
	}
	if got := exitCode(errors.New("left: volume x")); got != 1 {
		t.Errorf("exit code %d for a disproof, want 1", got)
	}
}

func TestSocketsLieInAFolderWithAShortPath(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	short, err := shortFolder("/srv/clone/.local/docker")
	if err != nil || short != "/srv/clone/.local/docker" {
		t.Errorf("%q, %v: a short path is kept", short, err)
	}
	long := filepath.Join("/srv", strings.Repeat("clone/", 20), ".local/docker")
	one, err := shortFolder(long)
	if err != nil {
		t.Fatal(err)
	}
	again, err := shortFolder(long)
	if err != nil || one != again || one == long {
		t.Errorf("%q, then %q, %v: want one folder elsewhere", one, again, err)
	}
	other, err := shortFolder(long + "2")
	if err != nil || other == one {
		t.Errorf("%q for another clone, %v", other, err)
	}
}
