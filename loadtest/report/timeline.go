package report

import (
	"fmt"
	"math"

	"github.com/provingground/provingground/loadtest/engine"
)

// maxColumns bounds the points of a curve over time: a run of hours is merged.
const maxColumns = 400

// moments is a flow's series as it is drawn: one entry per column.
type moments struct {
	width                         int // seconds in a column; the last may have fewer
	intended, ok, refused, errors []float64
	p50, p99, max, backlog        []float64
	x                             axis
	ticks                         []tick
}

func momentsOf(f Flow) moments {
	f.Series = drawn(f.Series)
	seconds := thin(f.column(Second.seconds), maxColumns, sum)
	mean := func(value func(Second) int64) []float64 {
		sums := thin(f.column(func(s Second) float64 { return float64(value(s)) }), maxColumns, sum)
		for i := range sums {
			sums[i] /= seconds[i]
		}
		return sums
	}
	highest := func(value func(Second) float64) []float64 {
		return thin(f.column(value), maxColumns, math.Max)
	}
	m := moments{
		width:    1,
		intended: mean(func(s Second) int64 { return s.Intended }),
		ok:       mean(func(s Second) int64 { return s.OK }),
		refused:  mean(func(s Second) int64 { return s.Refused }),
		errors:   mean(func(s Second) int64 { return s.Errors }),
		p50:      highest(func(s Second) float64 { return float64(s.P50) }),
		p99:      highest(func(s Second) float64 { return float64(s.P99) }),
		max:      highest(func(s Second) float64 { return float64(s.Max) }),
		backlog:  highest(func(s Second) float64 { return float64(s.Backlog) }),
	}
	end := 1
	if n := len(f.Series); n > 0 {
		m.width = int(seconds[0])
		end = f.Series[n-1].Second + int(f.Series[n-1].seconds())
	}
	m.x = axis{high: float64(end), from: plotLeft, to: plotRight}
	m.ticks = secondTicks(m.x, end)
	return m
}

// wide are the same moments for a chart of full width.
func (m moments) wide() moments {
	m.x.to = wideRight
	m.ticks = secondTicks(m.x, int(m.x.high))
	return m
}

func sum(a, b float64) float64 { return a + b }

// seconds returns how many there are in an entry; early reports did not say.
func (s Second) seconds() float64 { return float64(max(s.Seconds, 1)) }

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
	ch := chart{Title: title, XTicks: m.ticks, Marks: flags(marks, m.x)}
	if f.WarmUp > 0 {
		ch.WarmUp = m.x.pos(float64(f.WarmUp)) - m.x.from
	}
	for i := range m.ok {
		from, to := m.x.pos(float64(i*m.width)), m.x.pos(float64((i+1)*m.width))
		ch.Hovers = append(ch.Hovers, hover{from, to - from, m.figures(i)})
	}
	return ch
}

// flags are the marks on an axis.
func flags(marks []Mark, x axis) (out []flag) {
	for i, mark := range marks {
		out = append(out, flag{x.pos(float64(mark.At)), i + 1, mark.At.String() + ": " + mark.Text})
	}
	return out
}

func (m moments) figures(i int) string {
	return fmt.Sprintf("%s: intended %s/s, ok %s/s, refused %s/s, errors %s/s, p50 %s, p99 %s, max %s, backlog %s",
		Seconds(i*m.width), rate(m.intended[i]), rate(m.ok[i]), rate(m.refused[i]), rate(m.errors[i]),
		Milliseconds(m.p50[i]), Milliseconds(m.p99[i]), Milliseconds(m.max[i]), grouped(int64(m.backlog[i])))
}

// throughputChart draws what was wanted and, stacked, what came of it.
func throughputChart(f Flow, marks []Mark) chart {
	m := momentsOf(f)
	base := make([]float64, len(m.ok))
	_, high := bounds(m.intended)
	type band struct {
		class    string
		from, to []float64
	}
	var bands []band
	for _, b := range []struct {
		class  string
		values []float64
	}{{"ok", m.ok}, {"refused", m.refused}, {"errors", m.errors}} {
		if _, h := bounds(b.values); h <= 0 && b.class != "ok" {
			continue
		}
		top := make([]float64, len(base))
		for i := range base {
			top[i] = base[i] + b.values[i]
			high = max(high, top[i])
		}
		bands = append(bands, band{b.class, base, top})
		base = top
	}
	y, ticks := linear(high, plotBottom, plotTop, 4, rateLabel)
	ch := m.chart(f, marks, "Throughput")
	ch.Note, ch.YTicks = "per second", ticks
	for _, b := range bands {
		ch.Lines = append(ch.Lines, line{Class: b.class, Label: b.class, Path: m.band(b.from, b.to, y), Area: true})
	}
	if f.Model != string(engine.Closed) {
		ch.Lines = append(ch.Lines, line{Class: "intended", Label: "intended", Path: m.line(m.intended, y, true)})
	}
	return ch
}

// backlogChart draws how many arrivals waited to be sent; nil if hardly any did.
func backlogChart(f Flow, marks []Mark) *chart {
	m := momentsOf(f)
	_, high := bounds(m.backlog)
	if high <= max(10, f.IntendedRate/100) {
		return nil
	}
	y, ticks := linear(high, plotBottom, plotTop, 4, rateLabel)
	ch := m.chart(f, marks, "Backlog")
	ch.Note, ch.YTicks = "arrivals due and not yet sent, at most", ticks
	ch.Lines = []line{{Class: "errors", Label: "backlog", Path: m.line(m.backlog, y, true)}}
	return &ch
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

// band fills what lies between two lines.
func (m moments) band(from, to []float64, y axis) string {
	if len(to) == 0 {
		return ""
	}
	var out path
	for i, v := range to {
		out.to(m.middle(i), y.pos(v))
	}
	for i := len(from) - 1; i >= 0; i-- {
		out.to(m.middle(i), y.pos(from[i]))
	}
	return out.String() + "Z"
}

func (m moments) middle(column int) float64 {
	return m.x.pos((float64(column) + 0.5) * float64(m.width))
}
