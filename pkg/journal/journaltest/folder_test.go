package journaltest_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"testing"

	"github.com/provingground/provingground/pkg/journal"
	"github.com/provingground/provingground/pkg/journal/journaltest"
)

// Both folders must behave alike towards a running program.
func TestFoldersBehaveAlike(t *testing.T) {
	for name, folder := range map[string]func(t *testing.T) journal.Folder{
		"directory": func(t *testing.T) journal.Folder { return journal.Directory(t.TempDir() + "/a/b") },
		"disk":      func(*testing.T) journal.Folder { return &journaltest.Disk{} },
	} {
		t.Run(name, func(t *testing.T) {
			f := folder(t)
			unlock, err := f.Lock()
			if err != nil {
				t.Fatal(err)
			}
			t.Run("a second lock is refused", func(t *testing.T) {
				if _, err := f.Lock(); !errors.Is(err, journal.ErrLocked) {
					t.Errorf("second lock: %v, want ErrLocked", err)
				}
			})
			t.Run("files are written, renamed, cut and removed", func(t *testing.T) { useFolder(t, f) })
			if err := unlock(); err != nil {
				t.Fatal(err)
			}
			if unlock, err = f.Lock(); err != nil {
				t.Fatalf("lock after unlock: %v", err)
			}
			if err := unlock(); err != nil {
				t.Error(err)
			}
		})
	}
}

func useFolder(t *testing.T, f journal.Folder) {
	write(t, f, "1.log", "hello")
	if _, err := f.Create("1.log"); !errors.Is(err, fs.ErrExist) {
		t.Errorf("create over a file: %v, want ErrExist", err)
	}
	write(t, f, "2.tmp", "a longer text")
	write(t, f, "2.tmp", "checkpoint")
	must(t, f.Rename("2.tmp", "2.checkpoint"))
	must(t, f.Truncate("2.checkpoint", 5))
	must(t, f.Sync())
	if got := content(t, f, "2.checkpoint"); got != "check" {
		t.Errorf("after rename and truncate: %q", got)
	}
	must(t, f.Remove("1.log"))
	if names, err := f.List(); err != nil || len(names) != 1 || names[0] != "2.checkpoint" {
		t.Errorf("List() = %q, %v", names, err)
	}
	for op, err := range map[string]error{
		"remove": f.Remove("1.log"), "rename": f.Rename("1.log", "3"), "truncate": f.Truncate("1.log", 0),
	} {
		if !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s of a missing file: %v, want ErrNotExist", op, err)
		}
	}
	if _, err := f.Open("1.log"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("open of a missing file: %v, want ErrNotExist", err)
	}
}

func TestAPowerCutKeepsWhatWasSyncedAndNothingForSureOfTheRest(t *testing.T) {
	kept := map[string]int{}
	for seed := range uint64(200) {
		d := &journaltest.Disk{}
		lock(t, d)
		write(t, d, "named", "synced")
		must(t, d.Sync())
		file, err := d.Create("unnamed")
		must(t, err)
		_, err = file.Write([]byte("not synced"))
		must(t, err)
		after := d.AfterPowerCut(rand.New(rand.NewPCG(seed, 0)))
		if got := content(t, after, "named"); got != "synced" {
			t.Fatalf("seed %d: synced content is %q", seed, got)
		}
		r, err := after.Open("unnamed")
		switch {
		case err != nil:
			kept["no name"]++
		default:
			b, _ := io.ReadAll(r)
			switch {
			case string(b) == "not synced":
				kept["all"]++
			case bytes.HasPrefix([]byte("not synced"), b):
				kept["a part"]++
			default:
				kept["rubbish"]++
			}
		}
	}
	for _, outcome := range []string{"no name", "all", "a part", "rubbish"} {
		if kept[outcome] == 0 {
			t.Errorf("in 200 power cuts never: %s (%v)", outcome, kept)
		}
	}
}

func TestAfterAFailedSyncALaterOneSavesNothing(t *testing.T) {
	failing := true
	d := &journaltest.Disk{BeforeSync: func(name string) error {
		if name == "f" && failing {
			return errors.New("input/output error")
		}
		return nil
	}}
	lock(t, d)
	file, err := d.Create("f")
	must(t, err)
	must(t, d.Sync())
	_, err = file.Write([]byte("gone"))
	must(t, err)
	if err := file.Sync(); err == nil {
		t.Fatal("the sync did not fail")
	}
	failing = false
	must(t, file.Sync())
	if got := content(t, d.AfterPowerCut(rand.New(rand.NewPCG(1, 1))), "f"); got != "" {
		t.Errorf("a power cut left %q", got)
	}
}

func write(t *testing.T, f journal.Folder, name, text string) {
	t.Helper()
	file, err := f.Create(name)
	must(t, err)
	_, err = file.Write([]byte(text))
	must(t, err)
	must(t, file.Sync())
	must(t, file.Close())
}

func content(t *testing.T, f journal.Folder, name string) string {
	t.Helper()
	r, err := f.Open(name)
	must(t, err)
	defer r.Close()
	b, err := io.ReadAll(r)
	must(t, err)
	return string(b)
}

func lock(t *testing.T, f journal.Folder) {
	t.Helper()
	_, err := f.Lock()
	must(t, err)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
