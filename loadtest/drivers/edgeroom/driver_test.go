package edgeroom

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

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
	cut := parts(tighten([]operation{op(true, 3, 10, 12), op(true, 1, 0, 4), op(true, 2, 3, 5), lost(20), op(true, 4, 30, 31)}))
	var sizes []int
	for _, part := range cut {
		sizes = append(sizes, len(part))
	}
	if len(sizes) != 3 || sizes[0] != 2 || sizes[1] != 1 || sizes[2] != 2 {
		t.Errorf("parts of %v operations, want 2, 1 and 2", sizes)
	}
}

// Small histories, right ones and such with a changed value, are judged alike with and
// without the narrowing.
func TestTighteningChangesNoJudgement(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	verdicts := map[porcupine.CheckResult]int{}
	for range 3000 {
		all := someHistory(random)
		want := checkPlainly(all)
		verdicts[want]++
		if got := judgeHistory(slices.Clone(all)); (got.Verdict == judge.Pass) != (want == porcupine.Ok) {
			t.Fatalf("%v %s, and plainly %s:\n%+v", got.Verdict, got.Sentence, want, all)
		}
	}
	if verdicts[porcupine.Ok] < 500 || verdicts[porcupine.Illegal] < 500 {
		t.Errorf("of each kind there are to be many: %v", verdicts)
	}
}

// someHistory lets eight operations happen at their times, which are between their calls
// and their answers, loses an answer now and then, and falsifies one in half of all.
func someHistory(random *rand.Rand) []operation {
	var all []operation
	value := int64(0)
	for i := range 8 {
		happened := 10 * i
		adds := random.IntN(2) == 0
		if adds {
			value++
		}
		o := op(adds, value, happened-random.IntN(30), happened+random.IntN(30))
		if adds && random.IntN(6) == 0 {
			o = operation{adds: true, called: o.called, answered: forever}
		}
		all = append(all, o)
	}
	if bad := &all[random.IntN(len(all))]; random.IntN(2) == 0 {
		bad.value += int64(random.IntN(3) - 1)
	}
	return all
}

func checkPlainly(all []operation) porcupine.CheckResult {
	var plain []porcupine.Operation
	for _, o := range all {
		plain = append(plain, porcupine.Operation{Input: o, Call: int64(o.called), Return: int64(o.answered)})
	}
	return porcupine.CheckOperationsTimeout(counterFrom(0), plain, 0)
}

// Thousands of requests of which a hundred are always under way are decided.
func TestALongBusyHistoryIsDecided(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	var all []operation
	value := int64(0)
	for i := range 5000 {
		adds := random.IntN(5) > 0
		if adds {
			value++
		}
		all = append(all, op(adds, value, 3*i-random.IntN(300), 3*i+random.IntN(300)))
	}
	if got := judgeHistory(slices.Clone(all)); got.Verdict != judge.Pass {
		t.Errorf("%v %s", got.Verdict, got.Sentence)
	}
	for i := range all {
		if o := &all[len(all)/2+i]; !o.adds {
			o.value -= 200 // a read that is six hundred milliseconds stale
			break
		}
	}
	if got := judgeHistory(all); got.Verdict == judge.Pass {
		t.Error("a stale read among thousands passes")
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

func TestMessagesAreInTheSequenceInWhichTheyWereSaid(t *testing.T) {
	now := time.Now()
	at := func(id string, seq int64, after time.Duration) told {
		return told{ID: id, Seq: seq, At: now.Add(after).UnixMilli()}
	}
	for _, tt := range []struct {
		name string
		kept []told
		ok   bool
	}{
		{"one after the other", []told{at("a", 1, 0), at("b", 2, 0), at("c", 3, 0)}, true},
		{"two at once, the other way round", []told{at("b", 1, 0), at("a", 2, 0), at("c", 3, 0)}, true},
		{"one overtakes another that was acknowledged", []told{at("a", 1, 0), at("c", 2, 0), at("b", 3, 0)}, false},
		{"one of nobody's is between", []told{at("a", 1, 0), at("x", 2, 0), at("b", 3, 0), at("c", 4, 0)}, true},
		{"a time that is the member's", []told{at("a", 1, 0), at("b", 2, 24*time.Hour), at("c", 3, 0)}, false},
		{"a time before the run", []told{at("a", 1, -24*time.Hour), at("b", 2, 0), at("c", 3, 0)}, false},
		{"times that go back", []told{at("a", 1, 0), at("b", 2, 0), at("c", 3, -time.Millisecond)}, false},
		{"nothing", nil, false},
	} {
		d := &Driver{began: now.Add(-time.Minute)}
		d.said.add("a", 0, 3*time.Second)
		d.said.add("b", 2*time.Second, 4*time.Second)
		d.said.add("c", 5*time.Second, 6*time.Second)
		if got := d.judgeOrder(tt.kept); (got.Verdict == judge.Pass) != tt.ok {
			t.Errorf("%s: %v %s", tt.name, got.Verdict, got.Sentence)
		}
	}
}

func TestSettingsAreAsOldAsWhatReplacedThem(t *testing.T) {
	var s settings
	s.wrote(1, time.Second)
	s.wrote(3, 5*time.Second) // two were written at once
	s.wrote(2, 6*time.Second)
	for _, r := range []struct {
		version   int64
		called    time.Duration
		stalest   time.Duration
		backwards int
	}{
		{3, 7 * time.Second, 0, 0},
		{1, 9 * time.Second, 4 * time.Second, 1},
		{2, 8 * time.Second, 4 * time.Second, 1},
		{2, 70 * time.Second, 65 * time.Second, 1},
	} {
		s.read(r.version, r.called)
		if s.stalest != r.stalest || s.backwards != r.backwards {
			t.Errorf("after version %d at %v: %v old, %d steps back, want %+v", r.version, r.called, s.stalest, s.backwards, r)
		}
	}
}
