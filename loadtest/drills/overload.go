package drills

import (
	"context"
	"time"

	"github.com/provingground/provingground/loadtest/engine"
	"github.com/provingground/provingground/loadtest/faults"
	"github.com/provingground/provingground/loadtest/judge"
	"github.com/provingground/provingground/loadtest/trial"
	"github.com/provingground/provingground/scenarios"
)

// minGoodput is what share of its admission limit a service still serves while
// twice of that arrives: refusing must cost little.
const minGoodput = 0.9

// OverloadRate returns the arrivals per second outside the peak and in it: half
// of what is admitted, and twice.
func OverloadRate(d scenarios.Drill) (base, peak float64) { return d.Admits / 2, d.Admits * 2 }

// overload judges a peak that is part of the schedule; its steps only mark it.
func overload(d scenarios.Drill, s trial.Setup) *trial.Drill {
	begin := s.FaultBegins()
	nothing := func(context.Context) error { return nil }
	return &trial.Drill{
		Steps: []faults.Step{
			{At: begin, Name: "twice of what is admitted arrives", Do: nothing},
			{At: begin + d.Lasts, Name: "half of it arrives again", Do: nothing},
		},
		Judge: func(o trial.Observed) []judge.Check { return judgeOverload(d, o) },
	}
}

func judgeOverload(d scenarios.Drill, o trial.Observed) []judge.Check {
	begin, end := o.Fault()
	w := judge.During(o.Main(), begin, end)
	seconds := max(1, (end-begin).Truncate(time.Second).Seconds()-1)
	goodput := float64(w.OK) / seconds
	return []judge.Check{
		judge.Checkf("goodput", goodput >= minGoodput*d.Admits, "%.0f/s were served while %.0f/s arrived and %.0f/s are admitted (target %.0f %% of that)",
			goodput, float64(w.Intended)/seconds, d.Admits, 100*minGoodput).Timed(),
		judge.Checkf("refusals", w.Refused > 0 && w.Errors == 0, "%d were refused with Retry-After, %d ended in another way", w.Refused, w.Errors).Timed(),
		o.Recovered(),
	}
}

// OverloadArrivals returns the schedules of the drill: every flow has its share
// of the peak.
func OverloadArrivals(d scenarios.Drill, s trial.Setup) func(rate float64) engine.Schedule {
	base, peak := OverloadRate(d)
	begin := s.FaultBegins()
	return func(rate float64) engine.Schedule {
		return surge{base: rate, peak: rate * peak / base, begin: begin, end: begin + d.Lasts, over: s.WarmUp + s.Duration}
	}
}

// surge is an even rate with a higher one between begin and end.
type surge struct {
	base, peak       float64 // arrivals per second
	begin, end, over time.Duration
}

// At implements [engine.Schedule].
func (s surge) At(k int64) (time.Duration, bool) {
	before := int64(s.base * s.begin.Seconds())
	during := int64(s.peak * (s.end - s.begin).Seconds())
	at := func(from time.Duration, n int64, rate float64) time.Duration {
		return from + time.Duration(float64(n)/rate*float64(time.Second))
	}
	var due time.Duration
	switch {
	case k < before:
		due = at(0, k, s.base)
	case k < before+during:
		due = at(s.begin, k-before, s.peak)
	default:
		due = at(s.end, k-before-during, s.base)
	}
	return due, due < s.over
}
