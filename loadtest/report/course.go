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
	sides := []struct {
		class, label string
		samples      []Sample
	}{{"a", "before", c.Course.Before}, {"b", "after", c.Course.After}}
	end, high := 1.0, 0.0
	for _, side := range sides {
		for _, s := range side.samples {
			end, high = max(end, float64(s.At)), max(high, s.Value)
		}
	}
	x := axis{high: end, from: plotLeft, to: wideRight}
	y, ticks := linear(high, plotBottom, plotTop, 4, rateLabel)
	ch := chart{Title: c.Name, Note: c.Note, Wide: true, XTicks: secondTicks(x, int(end)), YTicks: ticks}
	for _, side := range sides {
		ch.Lines = append(ch.Lines, line{Class: side.class, Label: side.label, Path: courseLine(side.samples, x, y)})
	}
	return ch
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
