package zipf_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/provingground/provingground/loadtest/zipf"
)

func TestSharesFollowTheExponent(t *testing.T) {
	const ranks, draws = 1000, 1_000_000
	s := zipf.New(ranks, 1)
	rng := rand.New(rand.NewPCG(1, 2))
	counts := make([]int, ranks)
	for range draws {
		counts[s.Rank(rng.Float64())]++
	}
	harmonic := 0.0
	for r := range ranks {
		harmonic += 1 / float64(r+1)
	}
	for _, r := range []int{0, 1, 9, 99, 999} {
		want := draws / float64(r+1) / harmonic
		// Six standard deviations of a Poisson count; the seed is fixed.
		if math.Abs(float64(counts[r])-want) > 6*math.Sqrt(want) {
			t.Errorf("rank %d drawn %d times of %d, want about %.0f", r, counts[r], draws, want)
		}
	}
}

func TestTheEndsOfTheIntervalAreRanks(t *testing.T) {
	s := zipf.New(3, 1)
	if first, last := s.Rank(0), s.Rank(math.Nextafter(1, 0)); first != 0 || last != 2 {
		t.Errorf("Rank(0) = %d, Rank(just below 1) = %d, want 0 and 2", first, last)
	}
}
