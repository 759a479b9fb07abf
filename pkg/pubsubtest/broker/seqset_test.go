package broker

import (
	"math/rand/v2"
	"testing"
)

func TestASeqsetIsASet(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	start := uint64(100)
	set, want := fullBelow(start), map[uint64]bool{}
	member := func(n uint64) bool {
		if v, ok := want[n]; ok {
			return v
		}
		return n < start
	}
	for range 20_000 {
		n := uint64(random.IntN(1000))
		if random.IntN(3) > 0 {
			set.add(n)
			want[n] = true
		} else {
			set.remove(n)
			want[n] = false
		}
		probe := uint64(random.IntN(1100))
		if set.has(probe) != member(probe) {
			t.Fatalf("has(%d) = %v", probe, set.has(probe))
		}
		gap := probe
		for member(gap) {
			gap++
		}
		if got := set.gap(probe); got != gap {
			t.Fatalf("gap(%d) = %d, want %d", probe, got, gap)
		}
	}
	again, err := decodeSeqset(set.encode())
	if err != nil {
		t.Fatal(err)
	}
	for n := range uint64(1100) {
		if again.has(n) != member(n) {
			t.Errorf("after encoding has(%d) = %v", n, again.has(n))
		}
	}
}

func TestASeqsetOfAcknowledgementsInOrderIsSmall(t *testing.T) {
	set := fullBelow(0)
	for n := range uint64(1_000_000) {
		set.add(n)
	}
	if len(set.words) > 1 {
		t.Errorf("%d words for a full range", len(set.words))
	}
}
