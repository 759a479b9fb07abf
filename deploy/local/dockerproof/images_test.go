//go:build linux

package main

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/provingground/provingground/deploy/local/server"
	"github.com/provingground/provingground/scenarios"
)

func TestEveryImageOfTheComposeFileIsDocumented(t *testing.T) {
	text, err := os.ReadFile("../../../docker-compose.yml")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, m := range regexp.MustCompile(`\$\{([A-Z0-9_]+_IMAGE):-([^}]+)\}`).FindAllStringSubmatch(string(text), -1) {
		if !strings.HasPrefix(m[2], "provingground/") {
			found[m[1]] = m[2]
		}
	}
	for _, v := range vendorImages() {
		if found[v.variable] != v.image {
			t.Errorf("%s: the compose file has %q, documented is %q", v.variable, found[v.variable], v.image)
		}
		delete(found, v.variable)
	}
	if len(found) > 0 {
		t.Errorf("not documented: %v", found)
	}
}

func TestEveryServerThatRunsAVendorsImageIsNamed(t *testing.T) {
	t.Setenv("AWS_EMULATOR", "")
	for _, d := range append(server.Table(), server.Observability()...) {
		if strings.HasPrefix(d.Image.Default, "provingground/") {
			continue
		}
		named := slices.ContainsFunc(vendorImages(), func(v vendorImage) bool {
			return v.variable == d.Image.Variable && (v.servers == nil || slices.Contains(v.servers, d.Name))
		})
		if !named {
			t.Errorf("%s runs %s, and no entry says so", d.Name, d.Image.Default)
		}
	}
}

func TestDriftOfTheImagesIsNamed(t *testing.T) {
	var names []string
	for _, v := range vendorImages() {
		if !v.builds() {
			names = append(names, v.image)
		}
	}
	if err := compareImages(append(names, "provingground/urlshortener-api:local")); err != nil {
		t.Errorf("what is documented is refused: %v", err)
	}
	err := compareImages(append(names[1:], "mysql:9.5.0"))
	for _, want := range []string{"mysql:9.5.0 is not documented", names[0] + " is documented and not used"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}

func TestTheReadmeRepeatsTheTable(t *testing.T) {
	for _, v := range vendorImages() {
		t.Setenv(v.variable, "")
	}
	chosen, err := choose(nil, true)
	if err != nil {
		t.Fatal(err)
	}
	var table strings.Builder
	writeTable(&table, ran(chosen))
	readme, err := os.ReadFile("../../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(readme), table.String()) {
		t.Errorf("README.md does not have this table:\n%s", table.String())
	}
}

func TestEveryScenarioHasItsStandIns(t *testing.T) {
	for _, v := range vendorImages() {
		t.Setenv(v.variable, "")
	}
	for _, s := range scenarios.All() {
		for _, v := range vendorImages() {
			if v.neededBy([]scenarios.Scenario{s}) && s.Starts() && v.runs() == "" {
				t.Errorf("%s needs %s, in the place of which nothing runs", s.Slug, v.image)
			}
		}
	}
}

func TestAStandInIsBuiltForWhoNeedsIt(t *testing.T) {
	for _, v := range vendorImages() {
		t.Setenv(v.variable, "")
	}
	chosen, err := choose([]string{"orderprocessor"}, false)
	if err != nil {
		t.Fatal(err)
	}
	if got := targets(chosen); !slices.Contains(got, "azurite") || slices.Contains(got, "pubsub") || slices.Contains(got, "golang") {
		t.Errorf("targets %q, want azurite and none of other scenarios", got)
	}
	t.Setenv("AZURITE_IMAGE", "azurite:mine")
	if got := targets(chosen); slices.Contains(got, "azurite") {
		t.Errorf("targets %q, though a variable names an image", got)
	}
}

func TestWhatShowsTracesRunsBesideAScenario(t *testing.T) {
	for _, v := range vendorImages() {
		t.Setenv(v.variable, "")
	}
	for _, args := range [][]string{{"observability"}, nil} {
		chosen, err := choose(args, args == nil)
		if err != nil {
			t.Fatal(err)
		}
		got := targets(chosen)
		for _, want := range []string{"collector", "jaeger", "prometheus", "grafana", "ministack", "postgres"} {
			if !slices.Contains(got, want) {
				t.Errorf("%q: targets %q, want %s", args, got, want)
			}
		}
	}
	chosen, err := choose(nil, false)
	if err != nil {
		t.Fatal(err)
	}
	if got := targets(chosen); slices.Contains(got, "jaeger") {
		t.Errorf("targets of a push: %q, and Jaeger takes minutes", got)
	}
}

func TestAnImageThatAVariableNamesRuns(t *testing.T) {
	for _, v := range vendorImages() {
		t.Setenv(v.variable, v.image)
	}
	chosen, err := choose([]string{"orderprocessor"}, false)
	if err != nil {
		t.Fatal(err)
	}
	var table strings.Builder
	writeTable(&table, ran(chosen))
	for _, v := range vendorImages() {
		want := map[bool]string{true: "yes | itself", false: "no | nothing"}[v.neededBy(chosen)]
		if row := fmt.Sprintf("| `%s` | %s |\n", v.image, want); !strings.Contains(table.String(), row) {
			t.Errorf("no row %q in\n%s", row, table.String())
		}
	}
}
