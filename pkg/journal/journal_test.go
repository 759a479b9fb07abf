package journal_test

import (
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/provingground/provingground/pkg/journal"
	"github.com/provingground/provingground/pkg/journal/journaltest"
)

// open returns a journal and the records it replayed.
func open(t *testing.T, folder journal.Folder, options journal.Options) (*journal.Journal, []string) {
	t.Helper()
	var all []string
	j, err := journal.Open(folder, options, func(record []byte) error {
		all = append(all, string(record))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { j.Close() })
	return j, all
}

func appendAll(t *testing.T, j *journal.Journal, records ...string) {
	t.Helper()
	for _, r := range records {
		if err := j.Append([]byte(r)); err != nil {
			t.Fatal(err)
		}
	}
}

func numbers(from, to int) []string {
	var all []string
	for i := from; i < to; i++ {
		all = append(all, fmt.Sprintf("record %d", i))
	}
	return all
}

func sequence(records []string) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for _, r := range records {
			if !yield([]byte(r)) {
				return
			}
		}
	}
}

func TestRecordsComeBackInTheirOrder(t *testing.T) {
	for name, folder := range map[string]journal.Folder{
		"directory": journal.Directory(t.TempDir()), "disk": &journaltest.Disk{},
	} {
		t.Run(name, func(t *testing.T) {
			small := journal.Options{SegmentBytes: 100}
			want := append(numbers(0, 50), "", strings.Repeat("x", 1<<20))
			j, _ := open(t, folder, small)
			appendAll(t, j, want...)
			for range 3 { // a restart changes nothing
				if err := j.Close(); err != nil {
					t.Fatal(err)
				}
				var got []string
				if j, got = open(t, folder, small); !slices.Equal(got, want) {
					t.Fatalf("replayed %d records, want %d, equal and in order", len(got), len(want))
				}
			}
		})
	}
}

func TestATicketIsDoneOnlyAfterTheSync(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reached, release := make(chan string), make(chan struct{})
		disk := &journaltest.Disk{BeforeSync: func(name string) error {
			reached <- name
			<-release
			return nil
		}}
		j, _ := open(t, disk, journal.Options{})
		ticket := j.Add([]byte("a"))
		for range 3 { // the start of the segment, its name, the record
			<-reached
			synctest.Wait()
			select {
			case <-ticket.Done():
				t.Fatal("acknowledged before it was synced")
			default:
			}
			release <- struct{}{}
		}
		if err := ticket.Wait(); err != nil {
			t.Error(err)
		}
		if err := j.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestManyAppendersShareASync(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		disk := &journaltest.Disk{BeforeSync: func(string) error { <-release; return nil }}
		j, _ := open(t, disk, journal.Options{})
		var all sync.WaitGroup
		for i := range 1000 {
			all.Go(func() {
				if err := j.Append(fmt.Append(nil, i)); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		close(release)
		all.Wait()
		if s := j.Stats(); s.Records != 1000 || s.Groups > 2 {
			t.Errorf("%d records took %d syncs, want 1000 and at most 2", s.Records, s.Groups)
		}
		j.Close()
	})
}

func TestAddBlocksWhileTheDiskIsBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		disk := &journaltest.Disk{BeforeSync: func(string) error { <-release; return nil }}
		j, _ := open(t, disk, journal.Options{PendingBytes: 1000})
		added := 0
		var adder sync.WaitGroup
		adder.Go(func() {
			for range 100 {
				j.Add(make([]byte, 100))
				added++
			}
		})
		synctest.Wait()
		if added < 10 || added > 11 {
			t.Errorf("%d records of 100 bytes were taken, limit 1000 bytes", added)
		}
		close(release)
		adder.Wait()
		if err := j.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestAfterAFailureNothingIsAcknowledged(t *testing.T) {
	broken := errors.New("input/output error")
	for name, disk := range map[string]func(fail *bool) *journaltest.Disk{
		"sync": func(fail *bool) *journaltest.Disk {
			return &journaltest.Disk{BeforeSync: func(string) error {
				if *fail {
					return broken
				}
				return nil
			}}
		},
		"write": func(fail *bool) *journaltest.Disk {
			return &journaltest.Disk{BeforeWrite: func(string, []byte) error {
				if *fail {
					return broken
				}
				return nil
			}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			fail := false
			d := disk(&fail)
			j, _ := open(t, d, journal.Options{})
			appendAll(t, j, "a")
			fail = true
			var failed *journal.FailedError
			if err := j.Append([]byte("b")); !errors.As(err, &failed) || failed.Op != name || !errors.Is(err, broken) {
				t.Errorf("append during the failure: %v", err)
			}
			fail = false
			if err := j.Append([]byte("c")); !errors.Is(err, broken) {
				t.Errorf("append after the failure: %v, want the same error", err)
			}
			if err := j.Close(); !errors.Is(err, broken) {
				t.Errorf("close: %v, want the same error", err)
			}
			_, got := open(t, d, journal.Options{})
			if len(got) == 0 || got[0] != "a" || slices.Contains(got, "c") {
				t.Errorf("after opening again: %q", got)
			}
		})
	}
}

func TestACheckpointReplacesTheLogBeforeItsMark(t *testing.T) {
	disk := &journaltest.Disk{}
	options := journal.Options{SegmentBytes: 200}
	j, _ := open(t, disk, options)
	for round := range 20 {
		appendAll(t, j, numbers(round*30, round*30+30)...)
		mark := j.Cut()
		late := fmt.Sprintf("late %d", round)
		appendAll(t, j, late)
		if err := j.Checkpoint(mark, sequence([]string{fmt.Sprintf("state %d", round)})); err != nil {
			t.Fatal(err)
		}
		if names, _ := disk.List(); len(names) != 2 {
			t.Fatalf("after checkpoint %d the folder has %q, want a checkpoint and a segment", round, names)
		}
	}
	j.Close()
	if _, got := open(t, disk, options); !slices.Equal(got, []string{"state 19", "late 19"}) {
		t.Errorf("replayed %q", got)
	}
}

func TestACheckpointMayBeTheWholeJournal(t *testing.T) {
	disk := &journaltest.Disk{}
	j, _ := open(t, disk, journal.Options{})
	appendAll(t, j, numbers(0, 10)...)
	if err := j.Checkpoint(j.Cut(), sequence(nil)); err != nil {
		t.Fatal(err)
	}
	j.Close()
	j, got := open(t, disk, journal.Options{})
	if len(got) != 0 {
		t.Errorf("replayed %q after an empty checkpoint", got)
	}
	appendAll(t, j, "next")
	j.Close()
	if _, got := open(t, disk, journal.Options{}); !slices.Equal(got, []string{"next"}) {
		t.Errorf("replayed %q", got)
	}
}

func TestAFailedCheckpointLeavesTheLog(t *testing.T) {
	disk := &journaltest.Disk{BeforeSync: func(name string) error {
		if strings.HasSuffix(name, ".tmp") {
			return fs.ErrPermission
		}
		return nil
	}}
	j, _ := open(t, disk, journal.Options{})
	appendAll(t, j, "a")
	if err := j.Checkpoint(j.Cut(), sequence([]string{"A"})); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("checkpoint: %v, want the disk's error", err)
	}
	appendAll(t, j, "b")
	j.Close()
	if _, got := open(t, disk, journal.Options{}); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("replayed %q", got)
	}
}

func TestRefusals(t *testing.T) {
	disk := &journaltest.Disk{}
	j, _ := open(t, disk, journal.Options{})
	if _, err := journal.Open(disk, journal.Options{}, nil); !errors.Is(err, journal.ErrLocked) {
		t.Errorf("second open: %v, want ErrLocked", err)
	}
	if err := j.Append(make([]byte, journal.MaxRecord+1)); !errors.Is(err, journal.ErrTooLarge) {
		t.Errorf("too large: %v", err)
	}
	appendAll(t, j, "a")
	j.Close()
	if err := j.Append(nil); !errors.Is(err, journal.ErrClosed) {
		t.Errorf("append after close: %v, want ErrClosed", err)
	}
	stop := errors.New("not mine")
	if _, err := journal.Open(disk, journal.Options{}, func([]byte) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("open: %v, want the error of replay", err)
	}
	if _, got := open(t, disk, journal.Options{}); len(got) != 1 {
		t.Errorf("a refused open changed the journal: %q", got)
	}
}
