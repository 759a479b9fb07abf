package drills

import (
	"context"

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
	seconds := float64(max(1, w.Seconds))
	goodput := float64(w.OK) / seconds
	return []judge.Check{
		judge.Checkf("goodput", goodput >= minGoodput*d.Admits, "%.0f/s were served while %.0f/s arrived and %.0f/s are admitted (target %.0f %% of that)",
			goodput, float64(w.Intended)/seconds, d.Admits, 100*minGoodput).Timed(),
		judgeRefusals(d, w),
		o.Recovered(),
	}
}

// judgeRefusals wants the rest refused, or, of a system that has a queue for it, none.
func judgeRefusals(d scenarios.Drill, w judge.Window) judge.Check {
	if d.Queues {
		return judge.Checkf("refusals", w.Refused == 0 && w.Errors == 0, "what was beyond was queued; %d were refused, %d ended in another way", w.Refused, w.Errors).Timed()
	}
	return judge.Checkf("refusals", w.Refused > 0 && w.Errors == 0, "%d were refused with Retry-After, %d ended in another way", w.Refused, w.Errors).Timed()
}

// OverloadArrivals returns the schedules of the drill: every flow has its share
// of the peak.
func OverloadArrivals(d scenarios.Drill, s trial.Setup) func(rate float64) engine.Schedule {
	base, peak := OverloadRate(d)
	return func(rate float64) engine.Schedule {
		return engine.Spike{Rate: rate, Begin: s.FaultBegins(), Factor: peak / base, For: d.Lasts, Duration: s.WarmUp + s.Duration}
	}
}
