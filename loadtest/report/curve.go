package report

import (
	"math"
	"strings"
)

// curveChart draws the share of requests against the time they took at most, as
// HdrHistogram does: each further nine of the percentile takes the same width.
func curveChart(f Flow) chart {
	all := []struct {
		class, label string
		p            Percentiles
	}{
		{"lag", "send lag", f.Lag},
		{"service", "service time", f.Service},
		{"ok", "latency", f.LatencyOK},
	}
	nines, low, high := 2.0, math.Inf(1), float64(f.TargetP99)
	for _, c := range all {
		nines = max(nines, math.Log10(float64(max(c.p.Count, 1))))
		if c.p.P50 > 0 {
			low = min(low, float64(c.p.P50)/2)
		}
		high = max(high, float64(c.p.Max))
	}
	x := axis{high: nines, from: plotLeft, to: plotRight}
	y := times(min(low, max(high, 0.01)), high, plotBottom, plotTop)
	ch := chart{
		Title: "Percentiles", Note: "each step to the right is ten times rarer",
		XTicks: percentTicks(x), YTicks: y.decades(), Target: target(f, y),
	}
	for _, c := range all {
		if c.p.Count > 0 {
			ch.Lines = append(ch.Lines, line{Class: c.class, Label: c.label, Path: curvePath(c.p, x, y)})
		}
	}
	return ch
}

func target(f Flow, y axis) *level {
	if f.TargetP99 <= 0 {
		return nil
	}
	return &level{Pos: y.pos(float64(f.TargetP99)), Label: "p99 target " + f.TargetP99.String()}
}

func percentTicks(x axis) []tick {
	var ticks []tick
	for n := 0; float64(n) <= x.high+1e-9; n++ {
		ticks = append(ticks, tick{x.pos(float64(n)), percentLabel(n)})
	}
	return ticks
}

// percentLabel writes n nines: 0 %, 90 %, 99 %, 99.9 %.
func percentLabel(n int) string {
	if n < 3 {
		return [...]string{"0 %", "90 %", "99 %"}[n]
	}
	return "99." + strings.Repeat("9", n-2) + " %"
}

func curvePath(p Percentiles, x, y axis) string {
	var out path
	for _, point := range p.Curve {
		rarity := math.Log10(float64(p.Count))
		if point.Quantile < 1 {
			rarity = min(rarity, -math.Log10(1-point.Quantile))
		}
		out.to(x.pos(rarity), y.pos(float64(point.Value)))
	}
	return out.String()
}
