package report

import "math"

// axis maps values to pixels, linearly or by their logarithm.
type axis struct {
	low, high float64 // values
	from, to  float64 // pixels
	log       bool
}

func (a axis) pos(v float64) float64 {
	low, high, v := a.scale(a.low), a.scale(a.high), a.scale(min(max(v, a.low), a.high))
	if high <= low {
		return a.from
	}
	return a.from + (v-low)/(high-low)*(a.to-a.from)
}

func (a axis) scale(v float64) float64 {
	if a.log {
		return math.Log10(v)
	}
	return v
}

// tick is a line of the grid. A minor one has no label.
type tick struct {
	Pos   float64
	Label string
}

// times is the logarithmic axis of durations in milliseconds: whole decades, at
// least one, from 10 µs up.
func times(low, high, from, to float64) axis {
	low = math.Pow(10, math.Floor(math.Log10(max(low, 0.01))))
	high = math.Pow(10, math.Ceil(math.Log10(max(high, 10*low))-1e-9))
	return axis{low: low, high: high, from: from, to: to, log: true}
}

// decades returns the grid of a logarithmic axis.
func (a axis) decades() []tick {
	var ticks []tick
	for v := a.low; v < a.high*1.5; v *= 10 {
		ticks = append(ticks, tick{a.pos(v), shortMillis(v)})
		if a.high <= 1000*a.low && v*5 < a.high {
			ticks = append(ticks, tick{Pos: a.pos(v * 2)}, tick{Pos: a.pos(v * 5)})
		}
	}
	return ticks
}

// labelled is the grid of a logarithmic axis that does not start at a decade.
func (a axis) labelled() []tick {
	var ticks []tick
	for v := math.Pow(10, math.Floor(math.Log10(a.low))); v <= a.high; v *= 10 {
		for _, m := range []float64{1, 2, 5} {
			if m*v < a.low || m*v > a.high {
				continue
			}
			label := shortMillis(m * v)
			if m > 1 && a.high > 30*a.low {
				label = ""
			}
			ticks = append(ticks, tick{a.pos(m * v), label})
		}
	}
	return ticks
}

func shortMillis(v float64) string {
	if v >= 1000 {
		return grouped(int64(v/1000+0.5)) + " s"
	}
	n := int(max(0, -math.Floor(math.Log10(v)+1e-9)))
	return decimals(v, n) + " ms"
}

// linear is an axis from 0 with about n ticks at round values.
func linear(high, from, to float64, n int, label func(float64) string) (axis, []tick) {
	step := roundStep(high / float64(n))
	top := step * math.Ceil(high/step-1e-9)
	a := axis{high: max(top, step), from: from, to: to}
	var ticks []tick
	for i := 0.0; i*step <= a.high*1.0001; i++ {
		ticks = append(ticks, tick{a.pos(i * step), label(i * step)})
	}
	return a, ticks
}

// roundStep returns 1, 2 or 5 times a power of ten, not below v.
func roundStep(v float64) float64 {
	if v <= 0 {
		return 1
	}
	power := math.Pow(10, math.Floor(math.Log10(v)))
	for _, m := range []float64{1, 2, 5} {
		if m*power >= v*0.9999 {
			return m * power
		}
	}
	return 10 * power
}
