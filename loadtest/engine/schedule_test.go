package engine_test

import (
	"testing"
	"time"

	"github.com/provingground/provingground/loadtest/engine"
)

func TestAConstantScheduleDoesNotDrift(t *testing.T) {
	for _, tc := range []struct {
		rate float64
		k    int64
		want time.Duration
	}{
		{10_000, 0, 0},
		{10_000, 1, 100 * time.Microsecond},
		{10_000, 10_000, time.Second},
		{30_000, 30_000 * 86_400, 24 * time.Hour},
		{0.5, 3, 6 * time.Second},
		{7, 7 * 3600, time.Hour},
	} {
		s := engine.Constant{Rate: tc.rate, Duration: 100 * time.Hour}
		if got, ok := s.At(tc.k); got != tc.want || !ok {
			t.Errorf("Constant{%v}.At(%d) = %s, %t, want %s", tc.rate, tc.k, got, ok, tc.want)
		}
	}
}

func TestAConstantScheduleHasRateTimesDurationArrivals(t *testing.T) {
	for _, tc := range []struct {
		s    engine.Constant
		want int64
	}{
		{engine.Constant{Rate: 10_000, Duration: 3 * time.Second}, 30_000},
		{engine.Constant{Rate: 3, Duration: time.Second}, 3},
		{engine.Constant{Rate: 0.1, Duration: time.Second}, 1},
		{engine.Constant{Rate: 0, Duration: time.Second}, 0},
		{engine.Constant{Rate: -1, Duration: time.Second}, 0},
		{engine.Constant{Rate: 10, Duration: 0}, 0},
	} {
		var n int64
		for _, ok := tc.s.At(n); ok; _, ok = tc.s.At(n) {
			n++
		}
		if n != tc.want {
			t.Errorf("%+v has %d arrivals, want %d", tc.s, n, tc.want)
		}
	}
}
