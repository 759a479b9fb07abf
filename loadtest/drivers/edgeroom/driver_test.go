package edgeroom

import (
	"strings"
	"testing"
	"time"

	"github.com/provingground/provingground/loadtest/judge"
	"github.com/provingground/provingground/loadtest/ledger"
)

// op is an operation between two milliseconds.
func op(adds bool, value int64, called, answered int) operation {
	return operation{adds: adds, value: value, known: true, called: time.Duration(called) * time.Millisecond, answered: time.Duration(answered) * time.Millisecond}
}

func lost(called int) operation {
	return operation{adds: true, called: time.Duration(called) * time.Millisecond, answered: forever}
}

func TestAHistoryIsJudgedByWhetherItCouldHaveHappenedOneByOne(t *testing.T) {
	for _, tt := range []struct {
		name string
		all  []operation
		ok   bool
	}{
		{"one after the other", []operation{op(true, 1, 0, 1), op(false, 1, 2, 3), op(true, 2, 4, 5)}, true},
		{"at once, answered in the other order", []operation{op(true, 2, 0, 5), op(true, 1, 1, 9), op(false, 1, 0, 6)}, true},
		{"a stale read", []operation{op(true, 1, 0, 1), op(true, 2, 2, 3), op(false, 1, 4, 5)}, false},
		{"a stale read, with something else under way", []operation{op(true, 1, 0, 1), op(true, 2, 2, 9), op(false, 0, 4, 5)}, false},
		{"two increments made one value", []operation{op(true, 1, 0, 5), op(true, 1, 1, 6)}, false},
		{"a value is left out", []operation{op(true, 1, 0, 1), op(true, 3, 2, 3)}, false},
		{"no answer, and counted later", []operation{lost(0), op(false, 0, 1, 2), op(true, 2, 3, 4)}, true},
		{"no answer, and never counted", []operation{lost(0), op(true, 1, 3, 4), op(false, 1, 5, 6)}, true},
		{"no answer explains one value, not two", []operation{lost(0), op(true, 3, 3, 4)}, false},
		{"a read ahead of an increment that was not sent", []operation{op(false, 1, 0, 1), op(true, 1, 2, 3)}, false},
	} {
		if got := judgeHistory(tt.all); (got.Verdict == judge.Pass) != tt.ok {
			t.Errorf("%s: %v %s", tt.name, got.Verdict, got.Sentence)
		}
	}
}

func TestAHistoryIsCutWhereNothingIsUnderWay(t *testing.T) {
	cut := parts([]operation{op(true, 3, 10, 12), op(true, 1, 0, 4), op(true, 2, 3, 5), lost(20), op(true, 4, 30, 31)})
	var sizes []int
	for _, part := range cut {
		sizes = append(sizes, len(part))
	}
	if len(sizes) != 3 || sizes[0] != 2 || sizes[1] != 1 || sizes[2] != 2 {
		t.Errorf("parts of %v operations, want 2, 1 and 2", sizes)
	}
}

func TestACounterMustHaveCountedWhatWasAcknowledged(t *testing.T) {
	d := &Driver{}
	d.increments.Sent("a", "increment a", time.Now())
	d.increments.Answered("increment a", ledger.Unknown, time.Now())
	if c := d.judgeCount(2, 1, true); c.Verdict == judge.Pass || !strings.Contains(c.Sentence, "the counter says 2") {
		t.Errorf("a counter beyond everything that was sent: %v %s", c.Verdict, c.Sentence)
	}
	if c := d.judgeCount(1, 1, true); c.Verdict != judge.Pass {
		t.Errorf("an unknown increment that counted: %s", c.Sentence)
	}
}
