package leaderboard

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/provingground/provingground/pkg/idempotency"
)

func submission(player string, score int64) *pending {
	return &pending{Submission: Submission{Player: player, Name: "N", Score: score, Key: "key of " + player, Print: "print"}}
}

func TestNumbersAreGivenInTheOrderOfArrival(t *testing.T) {
	p := decide(
		[]*pending{submission("a", 5), submission("b", 1), submission("c", 5), submission("d", 9)},
		&seen{counter: 40, players: map[string]Improvement{"b": {Player: "b", Score: 2, Sequence: 7}}},
	)
	var got string
	for _, imp := range p.improvements {
		got += fmt.Sprint(imp.Player, imp.Sequence, " ")
	}
	if got != "a41 c42 d43 " || p.counter != 43 || len(p.records) != 4 {
		t.Errorf("improvements %s, counter %d, %d records; want a, c and d numbered without a gap, and four records", got, p.counter, len(p.records))
	}
}

func TestAUsedKeyDecidesBeforeAnythingElse(t *testing.T) {
	records := map[string]idempotency.Record{
		"key of a": {Fingerprint: "print", Answer: []byte("the first receipt")},
		"key of b": {Fingerprint: "of another body"},
	}
	p := decide([]*pending{submission("a", 5), submission("b", 5)}, &seen{records: records})
	if string(p.outcomes[0].receipt) != "the first receipt" || !errors.Is(p.outcomes[1].err, ErrKeyReused) {
		t.Errorf("outcomes %+v", p.outcomes)
	}
	if len(p.improvements) != 0 || len(p.records) != 0 || p.counter != 0 {
		t.Errorf("a used key had an effect: %+v", p)
	}
}

func TestAFullBoardRefusesImprovementsOnly(t *testing.T) {
	held := map[string]Improvement{"c": {Player: "c", Score: 9, Sequence: 1}}
	p := decide([]*pending{submission("a", 5), submission("b", 5), submission("c", 5)}, &seen{counter: MaxSequence - 1, players: held})
	if p.outcomes[0].err != nil || !errors.Is(p.outcomes[1].err, ErrFull) || p.outcomes[2].err != nil {
		t.Errorf("outcomes %+v, want the last number given, then a refusal, then a receipt without improvement", p.outcomes)
	}
	if problemOf(ErrFull).Status != 409 || problemOf(ErrFull).RetryAfter != 0 {
		t.Error("a full board must be a refusal for good")
	}
}

func TestABatchTouchesAnItemOnce(t *testing.T) {
	var waiting []*pending
	for i := range 60 {
		waiting = append(waiting, submission(fmt.Sprint("p", i), 1))
	}
	waiting[3].Player = waiting[1].Player
	waiting[4].Key = waiting[2].Key
	batch, rest := cut(waiting)
	if len(batch) != maxBatch || len(rest) != 60-maxBatch || rest[0] != waiting[3] || rest[1] != waiting[4] {
		t.Errorf("%d in the batch, %d left, want %d, and those first that share a player or a key", len(batch), len(rest), maxBatch)
	}
}

func TestAGapCausesARebuildOnlyIfItLasts(t *testing.T) {
	start := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	var g gap
	for _, step := range []struct {
		after         time.Duration
		through, last int64
		want          bool
	}{
		{0, 10, 10, false},
		{1 * time.Second, 10, 12, false}, // two are under way
		{5 * time.Second, 12, 20, false}, // they arrived, others are under way
		{9 * time.Second, 19, 30, false},
		{10*time.Second + 1, 19, 40, true}, // 20 is missing since second 5
		{11 * time.Second, 40, 40, false},
	} {
		if got := g.lasts(step.through, step.last, start.Add(step.after)); got != step.want {
			t.Errorf("after %v at %d of %d: %v, want %v", step.after, step.through, step.last, got, step.want)
		}
	}
}
