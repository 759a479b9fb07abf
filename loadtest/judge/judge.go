// Package judge turns what was measured into a verdict, in sentences.
//
// There are three: pass, fail, and invalid. A run is invalid when the machine
// was too busy to tell: it says nothing about the system under test, neither
// good nor bad. A failed guarantee is a failure however busy the machine was.
package judge

import (
	"fmt"
	"slices"
	"time"

	"github.com/provingground/provingground/loadtest/engine"
	"github.com/provingground/provingground/loadtest/machine"
)

// A Verdict is the outcome of a run or of one check.
type Verdict string

// The verdicts.
const (
	Pass    Verdict = "pass"
	Fail    Verdict = "fail"
	Invalid Verdict = "invalid"
)

// A Check is one thing that was judged.
type Check struct {
	Name     string
	Verdict  Verdict
	Sentence string
	// Timing says that a busy machine may be the reason for a failure. A failed
	// guarantee is never excused.
	Timing bool
}

// Checkf returns a check with its sentence.
func Checkf(name string, ok bool, format string, args ...any) Check {
	c := Check{Name: name, Verdict: Pass, Sentence: fmt.Sprintf(format, args...)}
	if !ok {
		c.Verdict = Fail
	}
	return c
}

// Timed marks a check whose failure a busy machine excuses.
func (c Check) Timed() Check {
	c.Timing = true
	return c
}

// Excuse returns the checks with the failures that a busy machine may explain
// turned into invalid ones, if any check says that it was busy.
func Excuse(checks []Check) []Check {
	busy := slices.ContainsFunc(checks, func(c Check) bool { return c.Verdict == Invalid })
	out := slices.Clone(checks)
	for i, c := range out {
		if busy && c.Timing && c.Verdict == Fail {
			out[i].Verdict = Invalid
		}
	}
	return out
}

// What the machine itself may take at p99, as shares of the latency target.
const (
	MaxLagShare       = 0.2  // the generator, to send what was due
	MaxReferenceShare = 0.25 // the reference server, to answer
)

const minAchieved = 0.995

// Machine checks whether the machine could judge a run with this latency target.
func Machine(lagP99, target time.Duration, others float64, reference time.Duration) []Check {
	lag := time.Duration(MaxLagShare * float64(target))
	bare := time.Duration(MaxReferenceShare * float64(target))
	return []Check{
		validity("generator", lagP99 <= lag, "the generator sent %v late at p99 (limit %v)", lagP99, lag),
		validity("other load", others <= machine.MaxOthers, "other processes took %.1f %% of the cores (limit %.0f %%)", 100*others, 100*machine.MaxOthers),
		validity("reference", reference <= bare, "the reference server answered 10,000/s within %v at p99 (limit %v)", reference, bare),
	}
}

func validity(name string, ok bool, format string, args ...any) Check {
	c := Checkf(name, ok, format, args...)
	if !ok {
		c.Verdict = Invalid
	}
	return c
}

// Sent checks that the schedule was kept: every intended arrival was sent. A
// closed loop has no schedule, so it has nothing to keep.
func Sent(f engine.FlowResult) Check {
	if f.IntendedRate == 0 {
		return Checkf(f.Name+" sent", f.Measured.Unsent == 0, "%d %s were sent, as fast as they were answered", f.Measured.Sent, f.Name)
	}
	share := f.AchievedRate / f.IntendedRate
	return Checkf(f.Name+" sent", share >= minAchieved && f.Measured.Unsent == 0,
		"%d of %d intended %s were sent, %.1f/s of %.1f/s", f.Measured.Sent, f.Measured.Intended, f.Name, f.AchievedRate, f.IntendedRate).Timed()
}

// Latency checks the 99th percentile of the successes against the target.
func Latency(f engine.FlowResult, target time.Duration) Check {
	p99 := f.LatencyOK.Quantile(0.99)
	return Checkf(f.Name+" p99", p99 < target, "%s took %v at p99 from the intended time (target %v)", f.Name, p99, target).Timed()
}

// NoErrors checks that every arrival was answered as it should be.
func NoErrors(f engine.FlowResult) Check {
	bad := f.Measured.Failed() + f.Measured.Kinds[engine.Refused]
	c := Checkf(f.Name+" errors", bad == 0, "%d of %d %s failed%s", bad, f.Measured.Intended, f.Name, kinds(f.Measured))
	// A wrong answer is wrong on any machine. One that says that something took too
	// long, or that too much arrived, is a late one.
	late := max(0, f.Measured.Statuses[503]+f.Measured.Statuses[504]-f.Measured.Kinds[engine.Refused])
	c.Timing = f.Measured.Kinds[engine.Status] <= late && f.Measured.Kinds[engine.Body] == 0
	return c
}

func kinds(c engine.Counts) string {
	s := ""
	for k := engine.Unknown; k <= engine.Canceled; k++ {
		if n := c.Kinds[k]; n > 0 && k != engine.OK {
			s += fmt.Sprintf(", %d %s", n, k)
		}
	}
	for status, n := range c.Statuses {
		if status >= 500 {
			s += fmt.Sprintf(", %d with status %d", n, status)
		}
	}
	return s
}

// Recovered returns how long after the end of a fault the target held again, for
// good: in every later second of the flow nothing failed or was refused and p99
// was below the target. A slow second that stands alone is no relapse, for a run
// without faults has such, too.
func Recovered(f engine.FlowResult, fault, target time.Duration) time.Duration {
	last := fault
	slowBefore := true // the fault itself
	for _, s := range f.Series {
		_, end := span(s)
		if end <= fault {
			continue
		}
		failed, slow := s.Errors > 0 || s.Refused > 0, s.P99 >= target
		if failed || slow && slowBefore {
			last = end
		}
		slowBefore = failed || slow
	}
	return last - fault
}

// A Window is what a flow went through between two times, in whole seconds.
type Window struct {
	Seconds                       int
	Intended, OK, Refused, Errors int64
	P99                           time.Duration // of the median second
}

// Served returns the share of the intended arrivals that was answered.
func (w Window) Served() float64 {
	if w.Intended == 0 {
		return 0
	}
	return float64(w.OK) / float64(w.Intended)
}

// During returns the seconds of a flow that lie between begin and end as a whole.
func During(f engine.FlowResult, begin, end time.Duration) Window {
	var w Window
	var p99s []time.Duration
	for _, s := range f.Series {
		from, to := span(s)
		if from < begin || to > end {
			continue
		}
		w.Seconds += s.Seconds
		w.Intended += s.Intended
		w.OK += s.OK
		w.Refused += s.Refused
		w.Errors += s.Errors
		p99s = append(p99s, s.P99)
	}
	w.P99 = median(p99s)
	return w
}

// MedianLag returns how late the generator sent at p99 in the median second of
// the measured phase. A drill is judged by it: in the second of a kill everybody
// shares the cores with what the kill set off, and the checks do not use that second.
func MedianLag(f engine.FlowResult) time.Duration {
	var lags []time.Duration
	for _, s := range f.Series {
		if !s.WarmUp && s.Sent > 0 {
			lags = append(lags, s.LagP99)
		}
	}
	return median(lags)
}

func median(d []time.Duration) time.Duration {
	if len(d) == 0 {
		return 0
	}
	slices.Sort(d)
	return d[len(d)/2]
}

// span is when an entry of a series begins and ends.
func span(s engine.Second) (from, to time.Duration) {
	from = time.Duration(s.Second) * time.Second
	return from, from + time.Duration(s.Seconds)*time.Second
}
