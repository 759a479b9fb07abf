//go:build unix

package server

import (
	"slices"
	"strings"
	"testing"
)

func TestAProfileBuildsEachImageOnce(t *testing.T) {
	t.Setenv("SERVICEBUS_IMAGE", "")
	defs, err := find([]string{"servicebus", "tables"})
	if err != nil {
		t.Fatal(err)
	}
	roles := []RoleContainer{{Name: "x/api/0"}, {Name: "x/api/1"}, {Name: "x/worker/0"}}
	var got []string
	for _, step := range profileSteps("x", defs, roles) {
		got = append(got, strings.Join(step, " "))
	}
	want := []string{
		"--profile x build servicebus x-api-0 x-worker-0 x-provision",
		"--profile x up --detach --wait --no-build",
	}
	if !slices.Equal(got, want) {
		t.Errorf("steps\n%q, want\n%q", got, want)
	}
	if got := profileSteps(ObservabilityProfile, Observability(), nil); len(got) != 1 || !slices.Contains(got[0], "up") {
		t.Errorf("steps %q where nothing is built, want up alone", got)
	}
}

func TestSettingsGoToEveryProcess(t *testing.T) {
	roles := []RoleContainer{{Name: "x/api/0"}, {Name: "x/api/1"}}
	got, err := overrides(roles, map[string]string{"ADMIT": "10"})
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"services":{"x-api-0":{"environment":{"ADMIT":"10"}},"x-api-1":{"environment":{"ADMIT":"10"}}}}`
	if string(got) != want {
		t.Errorf("%s, want %s", got, want)
	}
	if none, err := overrides(roles, nil); none != nil || err != nil {
		t.Errorf("%q, %v without settings", none, err)
	}
}
