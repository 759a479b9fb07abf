package engine

import (
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// MaxLatency is the longest time a [Histogram] tells apart; longer ones count as
// this.
const MaxLatency = 60 * time.Second

// Histogram holds durations from 1 µs to [MaxLatency] with three digits.
type Histogram struct{ h *hdrhistogram.Histogram }

func newHistogram() Histogram {
	return Histogram{hdrhistogram.New(1, MaxLatency.Microseconds(), 3)}
}

func (h *Histogram) record(d time.Duration) {
	d = min(max(d, 0), MaxLatency)
	// Within the bounds it has no error to return.
	_ = h.h.RecordValue(d.Microseconds())
}

func (h *Histogram) reset() { h.h.Reset() }

// Count returns the number of durations.
func (h *Histogram) Count() int64 { return h.h.TotalCount() }

// Quantile returns the duration that a share q of all does not exceed, q from 0
// to 1; 0 for an empty histogram.
func (h *Histogram) Quantile(q float64) time.Duration {
	if h.Count() == 0 {
		return 0
	}
	return min(microseconds(h.h.ValueAtQuantile(q*100)), h.Max())
}

// Max returns the longest duration.
func (h *Histogram) Max() time.Duration {
	if h.Count() == 0 {
		return 0
	}
	return min(microseconds(h.h.Max()), MaxLatency)
}

// Mean returns the mean duration.
func (h *Histogram) Mean() time.Duration {
	if h.Count() == 0 {
		return 0
	}
	return time.Duration(h.h.Mean() * float64(time.Microsecond))
}

// StdDev returns the standard deviation.
func (h *Histogram) StdDev() time.Duration {
	if h.Count() == 0 {
		return 0
	}
	return time.Duration(h.h.StdDev() * float64(time.Microsecond))
}

// A Point of a percentile curve: the share Quantile of all took at most Value.
type Point struct {
	Quantile float64
	Value    time.Duration
}

// Curve returns the points of the percentile curve, closer together towards 1.
func (h *Histogram) Curve() []Point {
	if h.Count() == 0 {
		return nil
	}
	var points []Point
	for _, b := range h.h.CumulativeDistributionWithTicks(5) {
		value := min(microseconds(b.ValueAt), h.Max())
		points = append(points, Point{Quantile: b.Quantile / 100, Value: value})
	}
	return points
}

func microseconds(n int64) time.Duration { return time.Duration(n) * time.Microsecond }
