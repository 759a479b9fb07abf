package jsonfile_test

import (
	"maps"
	"os"
	"path/filepath"
	"testing"

	"github.com/provingground/provingground/deploy/local/jsonfile"
)

func TestWhatIsWrittenIsReadByItsOwnerOnly(t *testing.T) {
	file := filepath.Join(t.TempDir(), "new", "ports.json")
	want := map[string]int{"redis": 20001}
	if err := jsonfile.Write(file, want); err != nil {
		t.Fatal(err)
	}
	got := map[string]int{}
	if found, err := jsonfile.Read(file, &got); !found || err != nil || !maps.Equal(got, want) {
		t.Errorf("Read = %v, %v, %v; want %v", got, found, err, want)
	}
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v; want 0600", info.Mode(), err)
	}
	if left, err := os.ReadDir(filepath.Dir(file)); err != nil || len(left) != 1 {
		t.Errorf("beside it: %v, %v", left, err)
	}
}

func TestAMissingFileIsNotFoundAndABrokenOneIsAnError(t *testing.T) {
	file := filepath.Join(t.TempDir(), "x.json")
	var v map[string]int
	if found, err := jsonfile.Read(file, &v); found || err != nil {
		t.Errorf("missing: %v, %v", found, err)
	}
	if err := os.WriteFile(file, []byte(`{"redis":`), 0o600); err != nil {
		t.Fatal(err)
	}
	if found, err := jsonfile.Read(file, &v); found || err == nil {
		t.Errorf("broken: %v, %v", found, err)
	}
}
