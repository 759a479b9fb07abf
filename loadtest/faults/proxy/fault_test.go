package proxy

import (
	"testing"
	"time"
)

// takes returns which of the operations a fault took, as 1 and 0.
func takes(m Match, operations ...string) string {
	in := newInjected(Fault{On: m}, nil)
	got := ""
	for _, op := range operations {
		if in.take(op, time.Now()) {
			got += "1"
		} else {
			got += "0"
		}
	}
	return got
}

func TestAMatchTakesWhatItSays(t *testing.T) {
	calls := []string{"PutItem links", "GetItem links", "PutItem orders", "PutItem links", "PutItem"}
	for _, test := range []struct {
		match Match
		want  string
	}{
		{Match{}, "11111"},
		{Match{Operation: "PutItem"}, "10111"}, // the first word
		{Match{Operation: "PutItem *"}, "10110"},
		{Match{Operation: "* links"}, "11010"},
		{Match{Operation: "PutItem links"}, "10010"},
		{Match{Operation: "Put*"}, "10111"},
		{Match{Operation: "PutItem", Nth: 2}, "00100"},
		{Match{Operation: "PutItem", Times: 2}, "10100"},
		{Match{Until: time.Now().Add(-time.Second)}, "00000"},
		{Match{Until: time.Now().Add(time.Hour)}, "11111"},
		{Match{Probability: 1}, "11111"},
	} {
		if got := takes(test.match, calls...); got != test.want {
			t.Errorf("%+v takes %s of %q, want %s", test.match, got, calls, test.want)
		}
	}
}

func TestChanceIsDrawnFromTheSeed(t *testing.T) {
	calls := make([]string, 1000)
	first := takes(Match{Probability: 0.3, Seed: 7}, calls...)
	if again := takes(Match{Probability: 0.3, Seed: 7}, calls...); again != first {
		t.Error("the same seed took other operations")
	}
	if other := takes(Match{Probability: 0.3, Seed: 8}, calls...); other == first {
		t.Error("another seed took the same operations")
	}
	n := 0
	for _, c := range first {
		n += int(c - '0')
	}
	if n < 240 || n > 360 { // 300 ± 4 standard deviations
		t.Errorf("%d of 1000 were taken at 0.3", n)
	}
}

func TestABadMatchIsRefused(t *testing.T) {
	for _, m := range []Match{{Operation: "[a"}, {Nth: -1}, {Times: -1}, {Probability: 1.5}} {
		if err := m.validate(); err == nil {
			t.Errorf("%+v was accepted", m)
		}
	}
}
