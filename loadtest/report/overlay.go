package report

import (
	"io"
	"math"
)

// WriteHTML writes the comparison as one page that loads nothing from elsewhere,
// with the runs of both sides in the same charts.
func (c *Comparison) WriteHTML(w io.Writer) error { return writePage(w, "compare.html", c) }

// flowCharts are the charts of one flow of both sides.
type flowCharts struct {
	Name, Model, Load string
	Heats             []*heatMap
	Charts            []chart
	Rows              []Difference
}

// Flows returns what the page draws of each flow.
func (c *Comparison) Flows() []flowCharts {
	var out []flowCharts
	if len(c.A.Reports) == 0 {
		return nil
	}
	for i, f := range c.A.Reports[0].Flows {
		fc := flowCharts{Name: f.Name, Model: f.Model, Load: f.Load}
		runs := c.runs(i)
		fc.Charts = []chart{
			overlaidCurves(runs),
			overlaidTimes(runs),
			overlaidThroughput(runs),
		}
		for n, r := range []*Report{c.A.Reports[0], c.B.Reports[0]} {
			if h := heatChart(r.Flows[i], r.Marks, false); h != nil {
				h.Title = "Heat map of " + "ab"[n:n+1]
				fc.Heats = append(fc.Heats, h)
			}
		}
		for _, d := range c.Rows {
			if d.Flow == f.Name {
				fc.Rows = append(fc.Rows, d)
			}
		}
		out = append(out, fc)
	}
	return out
}

// Rest returns the figures that belong to no flow.
func (c *Comparison) Rest() []Difference {
	var out []Difference
	for _, d := range c.Rows {
		if d.Flow == "" {
			out = append(out, d)
		}
	}
	return out
}

// overlaid is a flow of one run, and the class of its side.
type overlaid struct {
	Flow
	side string
}

func (c *Comparison) runs(flow int) []overlaid {
	var out []overlaid
	for _, side := range []struct {
		class   string
		reports []*Report
	}{{"a", c.A.Reports}, {"b", c.B.Reports}} {
		for _, r := range side.reports {
			out = append(out, overlaid{r.Flows[flow], side.class})
		}
	}
	return out
}

func overlaidCurves(runs []overlaid) chart {
	nines, low, high := 2.0, math.Inf(1), float64(runs[0].TargetP99)
	for _, r := range runs {
		nines = max(nines, math.Log10(float64(max(r.LatencyOK.Count, 1))))
		if r.LatencyOK.P50 > 0 {
			low = min(low, float64(r.LatencyOK.P50)/2)
		}
		high = max(high, float64(r.LatencyOK.Max))
	}
	x := axis{high: nines, from: plotLeft, to: plotRight}
	y := times(min(low, max(high, 0.01)), high, plotBottom, plotTop)
	ch := chart{
		Title: "Latency percentiles", Note: "each step to the right is ten times rarer",
		XTicks: percentTicks(x), YTicks: y.decades(), Target: target(runs[0].Flow, y),
	}
	for _, r := range runs {
		ch.Lines = append(ch.Lines, line{Class: r.side, Label: r.side, Path: curvePath(r.LatencyOK, x, y)})
	}
	return ch
}

func overlaidTimes(runs []overlaid) chart {
	all := momentsOfAll(runs)
	low, high := math.Inf(1), float64(runs[0].TargetP99)
	for _, m := range all {
		l, h := bounds(m.p99)
		if l > 0 {
			low = min(low, l)
		}
		high = max(high, h)
	}
	y := times(min(low, max(high, 0.01)), high, plotBottom, plotTop)
	ch := chart{Title: "p99 over time", YTicks: y.decades(), XTicks: all[0].ticks, Target: target(runs[0].Flow, y)}
	for i, m := range all {
		ch.Lines = append(ch.Lines, line{Class: runs[i].side, Label: runs[i].side, Path: m.line(m.p99, y, false)})
	}
	return ch
}

func overlaidThroughput(runs []overlaid) chart {
	all := momentsOfAll(runs)
	high := 0.0
	for _, m := range all {
		_, h := bounds(m.ok)
		high = max(high, h)
	}
	y, ticks := linear(high, plotBottom, plotTop, 4, rateLabel)
	ch := chart{Title: "Throughput", Note: "successes per second", YTicks: ticks, XTicks: all[0].ticks}
	for i, m := range all {
		ch.Lines = append(ch.Lines, line{Class: runs[i].side, Label: runs[i].side, Path: m.line(m.ok, y, true)})
	}
	return ch
}

// momentsOfAll gives all runs the time axis of the longest.
func momentsOfAll(runs []overlaid) []moments {
	all := make([]moments, len(runs))
	end := 0.0
	for i, r := range runs {
		all[i] = momentsOf(r.Flow)
		end = max(end, all[i].x.high)
	}
	for i := range all {
		all[i].x.high = end
		all[i].ticks = secondTicks(all[i].x, int(end))
	}
	return all
}
