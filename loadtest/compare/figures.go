package compare

import (
	"slices"

	"github.com/provingground/provingground/loadtest/report"
)

// better is the direction that is good.
type better int

const (
	neither better = iota
	more
	less
)

// flowFigure is a figure of one flow, and where it has one its value per second.
type flowFigure struct {
	name, unit string
	better     better
	of         func(report.Flow) float64
	second     func(report.Second) (float64, bool)
}

func flowFigures() []flowFigure {
	latency := func(of func(report.Second) report.Milliseconds) func(report.Second) (float64, bool) {
		return func(s report.Second) (float64, bool) { return float64(of(s)), s.OK > 0 }
	}
	return []flowFigure{
		{"goodput", "/s", more, func(f report.Flow) float64 { return f.Goodput }, func(s report.Second) (float64, bool) {
			return float64(s.OK) / float64(max(s.Seconds, 1)), s.Intended > 0
		}},
		{"errors", "%", less, errorShare, func(s report.Second) (float64, bool) {
			return float64(s.Errors) / float64(max(s.Sent, 1)), s.Sent > 0
		}},
		{"p50", "ms", less, func(f report.Flow) float64 { return float64(f.LatencyOK.P50) }, latency(func(s report.Second) report.Milliseconds { return s.P50 })},
		{"p90", "ms", less, func(f report.Flow) float64 { return float64(f.LatencyOK.P90) }, nil},
		{"p99", "ms", less, func(f report.Flow) float64 { return float64(f.LatencyOK.P99) }, latency(func(s report.Second) report.Milliseconds { return s.P99 })},
		{"p99.9", "ms", less, func(f report.Flow) float64 { return float64(f.LatencyOK.P999) }, nil},
		{"max", "ms", less, func(f report.Flow) float64 { return float64(f.LatencyOK.Max) }, latency(func(s report.Second) report.Milliseconds { return s.Max })},
		{"service time p50", "ms", less, func(f report.Flow) float64 { return float64(f.Service.P50) }, nil},
		{"service time p99", "ms", less, func(f report.Flow) float64 { return float64(f.Service.P99) }, nil},
		{"send lag p99", "ms", neither, func(f report.Flow) float64 { return float64(f.Lag.P99) }, nil},
	}
}

func errorShare(f report.Flow) float64 {
	return float64(f.Counts.Errors()) / float64(max(f.Counts.Intended, 1))
}

func (f flowFigure) ofFlow(i int, a, b []*report.Report) report.Difference {
	values := func(reports []*report.Report) (out []float64) {
		for _, r := range reports {
			out = append(out, f.of(r.Flows[i]))
		}
		return out
	}
	d := difference(f.name, f.unit, f.better, values(a), values(b))
	d.Flow = a[0].Flows[i].Name
	if !d.Known && f.second != nil {
		d.Known, d.Beyond = beyondBlocks(f.blocks(i, a), f.blocks(i, b))
		d.Better = side(d, f.better)
	}
	return d
}

// blocks cuts the measured seconds of each run.
func (f flowFigure) blocks(i int, reports []*report.Report) (out []float64) {
	for _, r := range reports {
		var seconds []float64
		for _, s := range r.Flows[i].Series {
			if v, ok := f.second(s); ok && !s.WarmUp {
				seconds = append(seconds, v)
			}
		}
		out = append(out, means(seconds)...)
	}
	return out
}

// runFigure is a figure of the whole run, which not all have.
type runFigure struct {
	name, unit string
	better     better
	of         func(*report.Report) (float64, bool)
}

func runFigures() []runFigure {
	each := func(share func(*report.CPU) float64) func(*report.Report) (float64, bool) {
		return func(r *report.Report) (float64, bool) {
			if r.CPU == nil || completed(r) == 0 {
				return 0, false
			}
			return share(r.CPU) * float64(r.Host.Cores) * float64(r.CPU.Window) / completed(r) * 1e6, true
		}
	}
	return []runFigure{
		{"CPU of the roles per request", "µs", less, each(func(c *report.CPU) float64 { return c.Roles })},
		{"CPU of the servers per request", "µs", less, each(func(c *report.CPU) float64 { return c.Servers })},
		{"CPU of the generator per request", "µs", neither, each(func(c *report.CPU) float64 { return c.Generator })},
		{"cores used by others", "%", neither, func(r *report.Report) (float64, bool) {
			if r.CPU == nil {
				return 0, false
			}
			return r.CPU.Others, true
		}},
		{"p99 of the bare server", "ms", neither, func(r *report.Report) (float64, bool) {
			if r.Reference == nil {
				return 0, false
			}
			return float64(r.Reference.P99), true
		}},
	}
}

func completed(r *report.Report) (sum float64) {
	for _, f := range r.Flows {
		sum += float64(f.Counts.Completed)
	}
	return sum
}

func (f runFigure) ofRun(a, b []*report.Report) (report.Difference, bool) {
	var values [2][]float64
	for i, reports := range [][]*report.Report{a, b} {
		for _, r := range reports {
			v, ok := f.of(r)
			if !ok {
				return report.Difference{}, false
			}
			values[i] = append(values[i], v)
		}
	}
	return difference(f.name, f.unit, f.better, values[0], values[1]), true
}

// difference compares the runs of both sides, if there are several.
func difference(name, unit string, good better, a, b []float64) report.Difference {
	d := report.Difference{Figure: name, Unit: unit, A: median(a), B: median(b)}
	if len(a) > 1 && len(b) > 1 {
		d.Known = true
		d.Beyond = slices.Max(a) < slices.Min(b) || slices.Max(b) < slices.Min(a)
	}
	d.Better = side(d, good)
	return d
}

func side(d report.Difference, good better) string {
	switch {
	case !d.Beyond || good == neither || d.A == d.B:
		return ""
	case (d.B > d.A) == (good == more):
		return "b"
	}
	return "a"
}
