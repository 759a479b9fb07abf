package engine

import (
	"math"
	"time"
)

// HeatBuckets is the number of buckets of a [Heat].
const HeatBuckets = 55

const (
	heatPerDecade = 8
	heatLow       = 10 * time.Microsecond
)

// Heat counts durations in buckets of equal width on a logarithmic scale, eight
// for a factor of ten: coarse enough to keep for every second, fine enough to
// draw. See [HeatBound].
type Heat [HeatBuckets]uint32

// HeatBound returns the upper bound of bucket i. The first bucket starts at 0;
// the last has all that is longer than the one before.
func HeatBound(i int) time.Duration {
	return time.Duration(float64(heatLow) * math.Pow(10, float64(i+1)/heatPerDecade))
}

func (h *Heat) record(d time.Duration) {
	if d <= heatLow {
		h[0]++
		return
	}
	i := int(heatPerDecade * math.Log10(float64(d)/float64(heatLow)))
	h[min(i, HeatBuckets-1)]++
}

func (h *Heat) add(other *Heat) {
	for i, n := range other {
		h[i] += n
	}
}
