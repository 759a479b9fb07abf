package report

import "math"

const sparkWidth = 60

// spark draws values as one line of bars on a logarithmic scale; a gap is a
// second without a value.
func spark(values []float64) string {
	values = thin(values, sparkWidth, math.Max)
	low, high := bounds(values)
	bars := []rune("▁▂▃▄▅▆▇█")
	out := make([]rune, len(values))
	for i, v := range values {
		if v <= 0 {
			out[i] = ' '
			continue
		}
		share := 0.0
		if high > low {
			share = math.Log(v/low) / math.Log(high/low)
		}
		out[i] = bars[min(int(share*float64(len(bars))), len(bars)-1)]
	}
	return string(out)
}

// bounds returns the least and the largest positive value.
func bounds(values []float64) (low, high float64) {
	for _, v := range values {
		if v > 0 && (low == 0 || v < low) {
			low = v
		}
		high = max(high, v)
	}
	return low, high
}

// thin merges neighbours until at most n values are left.
func thin(values []float64, n int, merge func(a, b float64) float64) []float64 {
	per := (len(values) + n - 1) / n
	if per <= 1 {
		return values
	}
	var out []float64
	for i, v := range values {
		if i%per == 0 {
			out = append(out, v)
			continue
		}
		out[len(out)-1] = merge(out[len(out)-1], v)
	}
	return out
}
