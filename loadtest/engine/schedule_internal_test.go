package engine

import (
	"testing"
	"time"
)

// counting counts how often it is asked.
type counting struct {
	Schedule
	asked *int
}

func (c counting) At(k int64) (time.Duration, bool) {
	*c.asked++
	return c.Schedule.At(k)
}

func TestArrivalsAreCountedWithFewQuestions(t *testing.T) {
	asked := 0
	s := counting{Constant{Rate: 50_000, Duration: time.Minute}, &asked}
	if got := dueBy(s, 0, 100*time.Millisecond); got != 5001 {
		t.Errorf("%d arrivals until 100 ms, want 5,001", got)
	}
	if asked > 30 {
		t.Errorf("asked %d times, want about 2·log2(5000)", asked)
	}
}

func TestCountingByJumpsIsCountingOneByOne(t *testing.T) {
	for _, s := range []Schedule{
		Constant{Rate: 777, Duration: 3 * time.Second},
		Poisson{Rate: 300, Duration: 2 * time.Second, Seed: 2},
		Steps{{Rate: 3, Duration: time.Second}, {}, {Rate: 900, Duration: 100 * time.Millisecond}},
	} {
		for _, limit := range []time.Duration{0, 5 * time.Millisecond, time.Second, 1500 * time.Millisecond, time.Hour} {
			for _, k := range []int64{0, 1, 17} {
				if at, ok := s.At(k); !ok || at > limit {
					continue
				}
				want := k + 1
				for at, ok := s.At(want); ok && at <= limit; at, ok = s.At(want) {
					want++
				}
				if got := dueBy(s, k, limit); got != want {
					t.Errorf("dueBy(%v, %d, %s) = %d, want %d", s, k, limit, got, want)
				}
			}
		}
	}
}

type nameless struct{ Schedule }

func TestAScheduleWithoutANameHasItsTypes(t *testing.T) {
	if got := scheduleText(nameless{}); got != "engine.nameless" {
		t.Errorf("called %q", got)
	}
}
