package engine_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/provingground/provingground/loadtest/engine"
)

// perSecond counts the arrivals of each second.
func perSecond(s engine.Schedule) []int {
	var counts []int
	for _, at := range all(s) {
		for len(counts) <= int(at) {
			counts = append(counts, 0)
		}
		counts[int(at)]++
	}
	return counts
}

func TestSchedulesHaveTheirShape(t *testing.T) {
	for _, tc := range []struct {
		s    engine.Schedule
		want []int
		name string
	}{
		{engine.Steps{{10, 2 * time.Second}, {40, time.Second}, {0, time.Second}, {10, time.Second}}, []int{10, 10, 40, 0, 10}, "steps 10/s for 2s, 40/s for 1s, 0/s for 1s, 10/s for 1s"},
		{engine.Steps{{0.5, 4 * time.Second}, {1, time.Second}}, []int{1, 0, 1, 0, 1}, "steps 0.5/s for 4s, 1/s for 1s"},
		{engine.Steps{}, nil, "steps "},
		{engine.Steps{{-5, time.Second}, {2, -time.Second}, {3, time.Second}}, []int{0, 3}, "steps -5/s for 1s, 2/s for -1s, 3/s for 1s"},
		{engine.Ramp{0, 40, 4 * time.Second}, []int{5, 15, 25, 35}, "ramp 0/s to 40/s in 4s"},
		{engine.Ramp{40, 0, 4 * time.Second}, []int{35, 25, 15, 5}, "ramp 40/s to 0/s in 4s"},
		{engine.Ramp{10, 10, 2 * time.Second}, []int{10, 10}, "ramp 10/s to 10/s in 2s"},
		{engine.Ramp{10, -1, 2 * time.Second}, nil, "ramp 10/s to -1/s in 2s"},
		{engine.Spike{Rate: 5, Begin: 2 * time.Second, Factor: 4, For: time.Second, Duration: 4 * time.Second}, []int{5, 5, 20, 5}, "spike 5/s for 4s, 4× from 2s for 1s"},
		{engine.Spike{Rate: 1, Begin: time.Second, Duration: 12 * time.Second}, []int{1, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 1}, "spike 1/s for 12s, 10× from 1s for 10s"},
		{engine.Constant{Rate: 2.5, Duration: 2 * time.Second}, []int{3, 2}, "constant 2.5/s for 2s"},
	} {
		if got := perSecond(tc.s); !slices.Equal(got, tc.want) {
			t.Errorf("%v has %v arrivals per second, want %v", tc.s, got, tc.want)
		}
		if got := fmt.Sprint(tc.s); got != tc.name {
			t.Errorf("called %q, want %q", got, tc.name)
		}
		if !slices.IsSorted(all(tc.s)) {
			t.Errorf("%v goes back in time", tc.s)
		}
	}
}

func TestARampIsExactFarFromItsStart(t *testing.T) {
	// After half of the time a quarter of the arrivals of a ramp from 0 are due.
	r := engine.Ramp{To: 20_000, Duration: 24 * time.Hour}
	const total = 10_000 * 86_400
	if due, ok := r.At(total / 4); !ok || due != 12*time.Hour {
		t.Errorf("At(%d) = %s, %t, want 12h", total/4, due, ok)
	}
}
