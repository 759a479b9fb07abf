package report

import (
	"fmt"
	"math"
)

// maxColumns bounds the points of a curve over time: a run of hours is merged.
const maxColumns = 400

// moments is a flow's series as it is drawn: one entry per column.
type moments struct {
	per                           int // seconds in a column
	intended, ok, refused, errors []float64
	p50, p99, max                 []float64
	x                             axis
	ticks                         []tick
}

func momentsOf(f Flow) moments {
	f.Series = drawn(f.Series)
	n := max(len(f.Series), 1)
	m := moments{per: (n + maxColumns - 1) / maxColumns}
	mean := func(value func(Second) float64) []float64 {
		sums := thin(f.column(value), maxColumns, func(a, b float64) float64 { return a + b })
		for i := range sums {
			sums[i] /= float64(min(m.per, len(f.Series)-i*m.per))
		}
		return sums
	}
	highest := func(value func(Second) float64) []float64 {
		return thin(f.column(value), maxColumns, math.Max)
	}
	m.intended = mean(func(s Second) float64 { return float64(s.Intended) })
	m.ok = mean(func(s Second) float64 { return float64(s.OK) })
	m.refused = mean(func(s Second) float64 { return float64(s.Refused) })
	m.errors = mean(func(s Second) float64 { return float64(s.Errors) })
	m.p50 = highest(func(s Second) float64 { return float64(s.P50) })
	m.p99 = highest(func(s Second) float64 { return float64(s.P99) })
	m.max = highest(func(s Second) float64 { return float64(s.Max) })
	m.x = axis{high: float64(n), from: plotLeft, to: plotRight}
	m.ticks = secondTicks(m.x, n)
	return m
}

// secondTicks are at round times of an axis that ends with the run.
func secondTicks(x axis, n int) []tick {
	var ticks []tick
	step := int(max(1, roundStep(float64(n)/6)))
	for v := 0; v <= n; v += step {
		ticks = append(ticks, tick{x.pos(float64(v)), grouped(int64(v)) + " s"})
	}
	return ticks
}

// drawn leaves out the last instant of a run, in which nothing was due any more
// and hardly anything was answered: it would look like a collapse.
func drawn(series []Second) []Second {
	for len(series) > 1 {
		last := series[len(series)-1]
		if last.Intended > 0 || (last.OK+last.Refused+last.Errors)*100 > series[0].Intended {
			break
		}
		series = series[:len(series)-1]
	}
	return series
}

func (m moments) chart(f Flow, marks []Mark, title string) chart {
	ch := chart{Title: title, XTicks: m.ticks}
	if f.WarmUp > 0 {
		ch.WarmUp = m.x.pos(float64(f.WarmUp)) - m.x.from
	}
	for i, mark := range marks {
		ch.Marks = append(ch.Marks, flag{m.x.pos(float64(mark.At)), i + 1, mark.At.String() + ": " + mark.Text})
	}
	for i := range m.ok {
		from, to := m.x.pos(float64(i*m.per)), m.x.pos(float64((i+1)*m.per))
		ch.Hovers = append(ch.Hovers, hover{from, to - from, m.figures(i)})
	}
	return ch
}

func (m moments) figures(i int) string {
	return fmt.Sprintf("%s: intended %s/s, ok %s/s, refused %s/s, errors %s/s, p50 %s, p99 %s, max %s",
		Seconds(i*m.per), rate(m.intended[i]), rate(m.ok[i]), rate(m.refused[i]), rate(m.errors[i]),
		Milliseconds(m.p50[i]), Milliseconds(m.p99[i]), Milliseconds(m.max[i]))
}

// throughputChart draws what was wanted and what came of it.
func throughputChart(f Flow, marks []Mark) chart {
	m := momentsOf(f)
	_, high := bounds(m.intended)
	for _, values := range [][]float64{m.ok, m.refused, m.errors} {
		_, h := bounds(values)
		high = max(high, h)
	}
	y, ticks := linear(high, plotBottom, plotTop, 4, rateLabel)
	ch := m.chart(f, marks, "Throughput")
	ch.Note, ch.YTicks = "per second", ticks
	ch.Lines = append(ch.Lines,
		line{Class: "ok", Label: "ok", Path: m.area(m.ok, y), Area: true},
		line{Class: "intended", Label: "intended", Path: m.line(m.intended, y, true)})
	if _, h := bounds(m.refused); h > 0 {
		ch.Lines = append(ch.Lines, line{Class: "refused", Label: "refused", Path: m.line(m.refused, y, true)})
	}
	if _, h := bounds(m.errors); h > 0 {
		ch.Lines = append(ch.Lines, line{Class: "errors", Label: "errors", Path: m.line(m.errors, y, true)})
	}
	return ch
}

func rateLabel(v float64) string {
	if v >= 10_000 {
		return decimals(v/1000, 0) + "k"
	}
	if v == math.Trunc(v) {
		return grouped(int64(v))
	}
	return decimals(v, 1)
}

// latencyChart draws the percentiles of each second.
func latencyChart(f Flow, marks []Mark) chart {
	m := momentsOf(f)
	low, _ := bounds(m.p50)
	_, high := bounds(m.max)
	y := times(low, max(high, float64(f.TargetP99)), plotBottom, plotTop)
	ch := m.chart(f, marks, "Latency over time")
	ch.Note, ch.YTicks, ch.Target = "of successes, from the due time", y.decades(), target(f, y)
	ch.Lines = []line{
		{Class: "max", Label: "max", Path: m.line(m.max, y, false)},
		{Class: "p99", Label: "p99", Path: m.line(m.p99, y, false)},
		{Class: "p50", Label: "p50", Path: m.line(m.p50, y, false)},
	}
	return ch
}

// line draws a value in the middle of its column. A zero is a value for a count
// and a gap for a duration.
func (m moments) line(values []float64, y axis, zeros bool) string {
	var out path
	for i, v := range values {
		if v <= 0 && !zeros {
			out.gap()
			continue
		}
		out.to(m.middle(i), y.pos(v))
	}
	return out.String()
}

func (m moments) area(values []float64, y axis) string {
	if len(values) == 0 {
		return ""
	}
	return m.line(values, y, true) +
		fmt.Sprintf("L%.1f %.1fL%.1f %.1fZ", m.middle(len(values)-1), y.from, m.middle(0), y.from)
}

func (m moments) middle(column int) float64 {
	return m.x.pos((float64(column) + 0.5) * float64(m.per))
}
