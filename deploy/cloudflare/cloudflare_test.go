package cloudflare_test

import (
	"slices"
	"testing"

	"github.com/provingground/provingground/deploy/cloudflare"
)

func TestEveryConfigurationIsReadAndItsMigrationsAreInOrder(t *testing.T) {
	names, err := cloudflare.Names()
	if err != nil || len(names) == 0 {
		t.Fatalf("names %v, %v", names, err)
	}
	for _, name := range names {
		c, err := cloudflare.Read(name)
		if err != nil {
			t.Fatal(err)
		}
		if c.Name == "" || c.Main == "" {
			t.Errorf("%s: name %q, main %q", name, c.Name, c.Main)
		}
		for _, d := range c.Databases {
			all, err := c.MigrationsOf(d)
			if err != nil || len(all) == 0 {
				t.Errorf("%s: %d migrations of %s: %v", name, len(all), d.Name, err)
			}
			if !slices.IsSortedFunc(all, func(a, b cloudflare.Migration) int { return slices.Compare([]byte(a.Name), []byte(b.Name)) }) {
				t.Errorf("%s: migrations out of order: %v", name, all)
			}
		}
	}
}

func TestDatabasesAreNamedOnce(t *testing.T) {
	all, err := cloudflare.Databases()
	if err != nil || !slices.Contains(all, "edgeapi") || len(slices.Compact(slices.Clone(all))) != len(all) {
		t.Errorf("databases %v, %v", all, err)
	}
}
