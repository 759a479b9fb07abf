package report

import "math"

// courses draws each figure that was sampled in both systems.
func courses(contrast []Contrast) (out []chart) {
	for _, c := range contrast {
		if c.Course != nil {
			out = append(out, courseChart(c))
		}
	}
	return out
}

// courseChart draws the line of the system as it was beside that of the system as
// it is.
func courseChart(c Contrast) chart {
	ch, _ := lineChart(c.Name, c.Note, []SampledLine{{"before", c.Course.Before}, {"after", c.Course.After}})
	return ch
}

// sampledCharts draws what was sampled inside, with the marks of the run.
func sampledCharts(all []Sampled, marks []Mark) (out []chart) {
	for _, s := range all {
		c, x := lineChart(s.Name, s.Note, alike(s.Lines))
		c.Marks = flags(marks, x)
		out = append(out, c)
	}
	return out
}

// alike multiplies each figure by a power of ten, so that the highest value of each
// is within a decade of the highest of all.
func alike(lines []SampledLine) (out []SampledLine) {
	high := 0.0
	for _, l := range lines {
		high = max(high, highest(l.Samples))
	}
	for _, l := range lines {
		own := highest(l.Samples)
		factor := 1.0
		if own > 0 {
			factor = math.Pow(10, math.Floor(math.Log10(high/own)+1e-9))
		}
		if factor == 1 {
			out = append(out, l)
			continue
		}
		scaled := SampledLine{Label: l.Label + " × " + grouped(int64(factor))}
		for _, s := range l.Samples {
			scaled.Samples = append(scaled.Samples, Sample{s.At, s.Value * factor})
		}
		out = append(out, scaled)
	}
	return out
}

func highest(samples []Sample) (high float64) {
	for _, s := range samples {
		high = max(high, s.Value)
	}
	return high
}

// lineClasses give lines their colours, in this order.
const lineClasses = "abcdef"

// lineChart draws up to six figures on one scale, over the axis that it returns.
func lineChart(title, note string, lines []SampledLine) (chart, axis) {
	end, high := 1.0, 0.0
	for _, l := range lines {
		high = max(high, highest(l.Samples))
		if n := len(l.Samples); n > 0 {
			end = max(end, float64(l.Samples[n-1].At))
		}
	}
	x := axis{high: end, from: plotLeft, to: wideRight}
	y, ticks := linear(high, plotBottom, plotTop, 4, rateLabel)
	ch := chart{Title: title, Note: note, Wide: true, XTicks: secondTicks(x, int(end)), YTicks: ticks}
	for i, l := range lines[:min(len(lines), len(lineClasses))] {
		ch.Lines = append(ch.Lines, line{Class: lineClasses[i : i+1], Label: l.Label, Path: courseLine(l.Samples, x, y)})
	}
	return ch, x
}

// courseLine joins samples, the highest of each column of a long run.
func courseLine(samples []Sample, x, y axis) string {
	column := x.high / maxColumns
	var out path
	for i := 0; i < len(samples); {
		at, highest := samples[i].At, samples[i].Value
		for ; i < len(samples) && math.Floor(float64(samples[i].At)/column) == math.Floor(float64(at)/column); i++ {
			highest = max(highest, samples[i].Value)
		}
		out.to(x.pos(float64(at)), y.pos(highest))
	}
	return out.String()
}
