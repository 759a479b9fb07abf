package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

func TestTheHallIsWrittenWithItsVerdicts(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "hall")
	if err := run([]string{dir}, t.Output()); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(filepath.Join(dir, "verdicts.json"))
	if err != nil {
		t.Fatal(err)
	}
	var all []verdict
	if err := json.Unmarshal(raw, &all); err != nil || len(all) < 60 {
		t.Fatalf("%d verdicts, %v", len(all), err)
	}
	for _, v := range all {
		if _, err := os.Stat(filepath.Join(dir, v.File)); err != nil {
			t.Error(err)
		}
		if (len(v.Refused) == 0) != (v.Width > 0 && len(v.Quadrants) == 4) {
			t.Errorf("%+v says neither what is wrong nor what it shows", v)
		}
	}
}

func TestMistakesInTheCallAreErrors(t *testing.T) {
	for _, args := range [][]string{{}, {"a", "b"}, {"-scenery", "f", "dir"}, {"-nosuch", "dir"}} {
		if err := run(args, t.Output()); err == nil {
			t.Errorf("imagehall %q is no error", args)
		}
	}
}
