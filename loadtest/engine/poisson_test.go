package engine_test

import (
	"fmt"
	"math"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/provingground/provingground/loadtest/engine"
)

// all returns every arrival of a schedule in seconds.
func all(s engine.Schedule) []float64 {
	var out []float64
	for k := int64(0); ; k++ {
		due, ok := s.At(k)
		if !ok {
			return out
		}
		out = append(out, due.Seconds())
	}
}

func TestPoissonGapsAreExponential(t *testing.T) {
	const rate = 1000.0
	times := all(engine.Poisson{Rate: rate, Duration: 100 * time.Second, Seed: 1})
	gaps := make([]float64, len(times))
	for i, last := 0, 0.0; i < len(times); i++ {
		gaps[i] = times[i] - last
		last = times[i]
	}
	slices.Sort(gaps)
	// Kolmogorov-Smirnov against 1-exp(-rate·x); 1.63/√n is the bound at 1 %.
	n, worst := float64(len(gaps)), 0.0
	for i, gap := range gaps {
		want := 1 - math.Exp(-rate*gap)
		worst = max(worst, math.Abs(want-float64(i)/n), math.Abs(want-float64(i+1)/n))
	}
	if bound := 1.63 / math.Sqrt(n); worst > bound {
		t.Errorf("the distribution of %d gaps is %v off, bound %v", len(gaps), worst, bound)
	}
}

func TestPoissonCountsVaryAsTheyShould(t *testing.T) {
	// The counts of 2,000 seeds have mean and variance 50, within 5 standard errors.
	const seeds, mean = 2000, 50.0
	var sum, squares float64
	for seed := range uint64(seeds) {
		n := float64(len(all(engine.Poisson{Rate: 25, Duration: 2 * time.Second, Seed: seed})))
		sum += n
		squares += (n - mean) * (n - mean)
	}
	if got := sum / seeds; math.Abs(got-mean) > 5*math.Sqrt(mean/seeds) {
		t.Errorf("mean count is %v, want %v", got, mean)
	}
	if got := squares / seeds; math.Abs(got-mean) > 5*mean*math.Sqrt(2.0/seeds) {
		t.Errorf("variance is %v, want %v", got, mean)
	}
}

func TestPoissonCountsOfNeighbouringTimesAreIndependent(t *testing.T) {
	// Around the middle of the tree, where halves are drawn apart.
	const seeds, mean = 2000, 20.0
	var product float64
	for seed := range uint64(seeds) {
		var left, right float64
		for _, at := range all(engine.Poisson{Rate: 20, Duration: 2 * time.Second, Seed: seed}) {
			if at < 1 {
				left++
			} else {
				right++
			}
		}
		product += (left - mean) * (right - mean)
	}
	if covariance := product / seeds; math.Abs(covariance) > 5*mean/math.Sqrt(seeds) {
		t.Errorf("covariance is %v, want about 0", covariance)
	}
}

func TestPoissonIsTheSameInAnyOrder(t *testing.T) {
	s := engine.Poisson{Rate: 5000, Duration: time.Second, Seed: 7}
	want := all(s)
	if !slices.IsSorted(want) || len(want) < 4500 || len(want) > 5500 {
		t.Fatalf("%d arrivals, in order: %t", len(want), slices.IsSorted(want))
	}
	var wg sync.WaitGroup
	for worker := range 4 {
		wg.Go(func() {
			for i := range want {
				k := (i*7919 + worker) % len(want)
				if due, ok := s.At(int64(k)); !ok || due.Seconds() != want[k] {
					t.Errorf("At(%d) = %s, %t, want %v", k, due, ok, want[k])
					return
				}
			}
		})
	}
	wg.Wait()
	if other := all(engine.Poisson{Rate: 5000, Duration: time.Second, Seed: 8}); slices.Equal(other[:100], want[:100]) {
		t.Error("another seed makes the same arrivals")
	}
}

func TestPoissonOfADayIsFoundWithoutTheDayBefore(t *testing.T) {
	s := engine.Poisson{Rate: 50_000, Duration: 24 * time.Hour, Seed: 3}
	const k = 50_000 * 43_200 // noon
	due, ok := s.At(k)
	// The standard deviation of the time of arrival k is √k/rate, here 0.9 s.
	if off := due - 12*time.Hour; !ok || off.Abs() > 5*time.Second {
		t.Errorf("At(%d) = %s, %t, want about noon", k, due, ok)
	}
	if _, ok := s.At(50_000 * 86_400 * 3); ok {
		t.Error("an arrival far behind the end is there")
	}
}

func TestPoissonWithoutSenseHasNoArrivals(t *testing.T) {
	for _, s := range []engine.Poisson{{}, {Rate: -1, Duration: time.Second}, {Rate: 1, Duration: -time.Second}} {
		if due, ok := s.At(0); ok {
			t.Errorf("%+v has an arrival at %s", s, due)
		}
	}
}

func TestAskingAScheduleDoesNotAllocate(t *testing.T) {
	for _, s := range []engine.Schedule{
		engine.Constant{Rate: 100, Duration: time.Hour},
		engine.Poisson{Rate: 100, Duration: time.Hour, Seed: 1},
		engine.Steps{{Rate: 1, Duration: time.Hour}, {Rate: 100, Duration: time.Hour}},
		engine.Ramp{To: 100, Duration: time.Hour},
		engine.Spike{Rate: 100, Begin: time.Minute, Duration: time.Hour},
	} {
		k := int64(0)
		allocs := testing.AllocsPerRun(1000, func() {
			if _, ok := s.At(k); !ok {
				t.Errorf("%v ends at arrival %d", s, k)
			}
			k++
		})
		if allocs != 0 {
			t.Errorf("%v: %v allocations, want 0", s, allocs)
		}
	}
}

func BenchmarkSchedule(b *testing.B) {
	for _, s := range []engine.Schedule{
		engine.Constant{Rate: 10_000, Duration: time.Minute},
		engine.Poisson{Rate: 10_000, Duration: time.Minute},
		engine.Poisson{Rate: 10_000, Duration: 24 * time.Hour},
	} {
		b.Run(fmt.Sprint(s), func(b *testing.B) {
			for k := int64(0); b.Loop(); k++ {
				s.At(k % 600_000)
			}
		})
	}
}
