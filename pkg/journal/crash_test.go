package journal_test

import (
	"errors"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/provingground/provingground/pkg/journal"
	"github.com/provingground/provingground/pkg/journal/journaltest"
)

// counter is an owner: its state is the numbers 0..n-1, its records are single
// numbers, or "=n" for a whole state in a checkpoint.
type counter struct {
	mu sync.Mutex
	n  int
	j  *journal.Journal
}

func (c *counter) replay(record []byte) error {
	if state, ok := strings.CutPrefix(string(record), "="); ok {
		n, err := strconv.Atoi(state)
		c.n = n
		return err
	}
	n, err := strconv.Atoi(string(record))
	if err != nil || n != c.n {
		return errors.New("got " + string(record) + ", want " + strconv.Itoa(c.n))
	}
	c.n++
	return nil
}

func (c *counter) add() (int, journal.Ticket) {
	c.mu.Lock()
	defer c.mu.Unlock()
	ticket := c.j.Add([]byte(strconv.Itoa(c.n)))
	c.n++
	return c.n, ticket
}

func (c *counter) checkpoint() error {
	c.mu.Lock()
	mark, state := c.j.Cut(), "="+strconv.Itoa(c.n)
	c.mu.Unlock()
	return c.j.Checkpoint(mark, sequence([]string{state}))
}

// watch keeps what was acknowledged, and takes a copy of the disk at the
// n-th write or sync: the power cut.
type watch struct {
	mu    sync.Mutex
	acked int
	left  int
	cut   func()
	at    int // acknowledged when the power went
}

func (w *watch) operation() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.left--; w.left == 0 {
		w.at = w.acked
		w.cut()
	}
	return nil
}

func (w *watch) acknowledge(n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.acked = max(w.acked, n)
}

func TestAPowerCutAtAnyOperationLosesNothingAcknowledged(t *testing.T) {
	seeds := uint64(300)
	if testing.Short() {
		seeds = 50
	}
	for seed := range seeds {
		random := rand.New(rand.NewPCG(seed, 1))
		disk, floor := &journaltest.Disk{}, 0
		for range 4 { // a disk lives through several power cuts
			disk, floor = untilPowerCut(t, disk, floor, random)
			if t.Failed() {
				t.Fatalf("seed %d", seed)
			}
		}
	}
}

// untilPowerCut works on a disk until its power fails, and returns it as it
// comes up, and how much was acknowledged by then.
func untilPowerCut(t *testing.T, disk *journaltest.Disk, floor int, random *rand.Rand) (*journaltest.Disk, int) {
	t.Helper()
	var after *journaltest.Disk
	snapshot := rand.New(rand.NewPCG(random.Uint64(), 2))
	w := &watch{left: 1 + random.IntN(60), cut: func() { after = disk.AfterPowerCut(snapshot) }}
	disk.BeforeSync = func(string) error { return w.operation() }
	disk.BeforeWrite = func(string, []byte) error { return w.operation() }

	c := &counter{}
	j, err := journal.Open(disk, journal.Options{SegmentBytes: int64(50 + random.IntN(200))}, c.replay)
	if err != nil {
		t.Errorf("open: %v", err)
		return disk, floor
	}
	c.j = j
	if c.n < floor {
		t.Errorf("%d were acknowledged, %d are there", floor, c.n)
	}
	w.acknowledge(c.n)
	work(t, c, w, random)
	if err := j.Close(); err != nil {
		t.Error(err)
	}
	if after == nil { // it ended before the power cut
		return disk.AfterPowerCut(snapshot), w.acked
	}
	return after, w.at
}

func work(t *testing.T, c *counter, w *watch, random *rand.Rand) {
	var appenders sync.WaitGroup
	for range 3 {
		appenders.Go(func() {
			for range 20 {
				n, ticket := c.add()
				if err := ticket.Wait(); err != nil {
					t.Error(err)
					return
				}
				w.acknowledge(n)
			}
		})
	}
	for range random.IntN(4) {
		if err := c.checkpoint(); err != nil {
			t.Error(err)
		}
	}
	appenders.Wait()
}

func segments(t *testing.T, disk *journaltest.Disk) []string {
	t.Helper()
	names, err := disk.List()
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(names, func(n string) bool { return !strings.HasSuffix(n, ".log") })
}

// written is a closed journal of n records, each in its own group.
func written(t *testing.T, n int, options journal.Options) *journaltest.Disk {
	t.Helper()
	disk := &journaltest.Disk{}
	j, _ := open(t, disk, options)
	appendAll(t, j, numbers(0, n)...)
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	return disk
}

func TestADamagedEndIsCutOff(t *testing.T) {
	disk := written(t, 5, journal.Options{})
	if err := disk.Corrupt(segments(t, disk)[0], -1); err != nil {
		t.Fatal(err)
	}
	j, got := open(t, disk, journal.Options{})
	if want := numbers(0, 4); !slices.Equal(got, want) {
		t.Errorf("replayed %q, want %q", got, want)
	}
	appendAll(t, j, "after")
	j.Close()
	if _, got := open(t, disk, journal.Options{}); !slices.Equal(got, append(numbers(0, 4), "after")) {
		t.Errorf("replayed %q after the cut", got)
	}
}

func TestDamageBeforeSyncedRecordsIsAnErrorAndChangesNothing(t *testing.T) {
	for name, damage := range map[string]func(t *testing.T, d *journaltest.Disk) error{
		"a bit in the first record of the last segment": func(t *testing.T, d *journaltest.Disk) error {
			return d.Corrupt(segments(t, d)[len(segments(t, d))-1], 60)
		},
		"a length in the last segment": func(t *testing.T, d *journaltest.Disk) error {
			return d.Corrupt(segments(t, d)[len(segments(t, d))-1], 36)
		},
		"the start of the last segment": func(t *testing.T, d *journaltest.Disk) error {
			return d.Corrupt(segments(t, d)[len(segments(t, d))-1], 3)
		},
		"the end of the first segment": func(t *testing.T, d *journaltest.Disk) error {
			return d.Corrupt(segments(t, d)[0], -1)
		},
		"the end of the first segment is gone": func(t *testing.T, d *journaltest.Disk) error {
			return d.Truncate(segments(t, d)[0], 36)
		},
		"the first segment is gone": func(t *testing.T, d *journaltest.Disk) error {
			return d.Remove(segments(t, d)[0])
		},
		"a segment in the middle is gone": func(t *testing.T, d *journaltest.Disk) error {
			return d.Remove(segments(t, d)[1])
		},
	} {
		t.Run(name, func(t *testing.T) {
			disk := written(t, 20, journal.Options{SegmentBytes: 50})
			if n := len(segments(t, disk)); n < 3 {
				t.Fatalf("%d segments, want more", n)
			}
			if err := damage(t, disk); err != nil {
				t.Fatal(err)
			}
			before := segments(t, disk)
			var corrupt *journal.CorruptError
			_, err := journal.Open(disk, journal.Options{}, func([]byte) error { return nil })
			if !errors.As(err, &corrupt) {
				t.Errorf("open: %v, want a CorruptError", err)
			}
			if !slices.Equal(segments(t, disk), before) {
				t.Error("files were changed")
			}
		})
	}
}

func TestADamagedCheckpointIsAnError(t *testing.T) {
	for _, offset := range []int{0, 10, 40, -1, -20} {
		disk := written(t, 5, journal.Options{})
		j, _ := open(t, disk, journal.Options{})
		if err := j.Checkpoint(j.Cut(), sequence(numbers(0, 5))); err != nil {
			t.Fatal(err)
		}
		j.Close()
		names, _ := disk.List()
		if err := disk.Corrupt(names[0], offset); err != nil {
			t.Fatal(err)
		}
		var corrupt *journal.CorruptError
		if _, err := journal.Open(disk, journal.Options{}, func([]byte) error { return nil }); !errors.As(err, &corrupt) {
			t.Errorf("damage at %d: open gave %v, want a CorruptError", offset, err)
		}
	}
}
