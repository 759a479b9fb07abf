package journal_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/provingground/provingground/pkg/journal"
)

// lastSegment returns what the newest segment of a folder holds.
func lastSegment(t *testing.T, dir string) []byte {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.log"))
	if err != nil || len(names) == 0 {
		t.Fatalf("segments: %q, %v", names, err)
	}
	data, err := os.ReadFile(names[len(names)-1])
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestWhatWasWrittenAheadIsCutOffAfterACrash(t *testing.T) {
	dir, crashed := t.TempDir(), filepath.Join(t.TempDir(), "crashed")
	options := journal.Options{SegmentBytes: 500} // several segments
	j, _ := open(t, journal.Directory(dir), options)
	appendAll(t, j, numbers(0, 100)...)
	if err := os.CopyFS(crashed, os.DirFS(dir)); err != nil { // as a kill leaves it
		t.Fatal(err)
	}
	if !bytes.HasSuffix(lastSegment(t, crashed), make([]byte, 4096)) {
		t.Fatal("nothing was written ahead: the test shows nothing")
	}
	after, got := open(t, journal.Directory(crashed), options)
	if want := numbers(0, 100); !slices.Equal(got, want) {
		t.Errorf("replayed %d records, want %d: %q", len(got), len(want), got)
	}
	appendAll(t, after, "after")
	if err := after.Close(); err != nil {
		t.Fatal(err)
	}
	if _, got := open(t, journal.Directory(crashed), options); !slices.Equal(got, append(numbers(0, 100), "after")) {
		t.Errorf("replayed %q after the crash", got)
	}
}

func TestAClosedJournalHasNothingWrittenAhead(t *testing.T) {
	dir := t.TempDir()
	j, _ := open(t, journal.Directory(dir), journal.Options{})
	appendAll(t, j, "a record")
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if data := lastSegment(t, dir); len(data) > 100 || !bytes.HasSuffix(data, []byte("a record")) {
		t.Errorf("%d bytes are left: %q", len(data), data[:min(len(data), 100)])
	}
}
