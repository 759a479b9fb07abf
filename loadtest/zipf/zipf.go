// Package zipf draws ranks as popularity falls on the web: rank r, from 0, with
// a probability proportional to 1/(r+1)^s.
//
// math/rand's Zipf needs an exponent above 1; the common case is exactly 1. The
// sampler inverts the cumulative distribution by binary search: exact, 8 bytes
// a rank, and no allocation a draw.
package zipf

import (
	"math"
	"sort"
)

// A Sampler draws ranks. It is read-only after New, so goroutines may share it.
type Sampler struct{ cumulative []float64 }

// New returns the sampler of n ranks, at least 1, with exponent s ≥ 0.
func New(n int, s float64) *Sampler {
	c := make([]float64, n)
	sum := 0.0
	for r := range c {
		sum += math.Pow(float64(r+1), -s)
		c[r] = sum
	}
	for r := range c {
		c[r] /= sum
	}
	return &Sampler{cumulative: c}
}

// Rank returns the rank for a uniform u in [0, 1).
func (s *Sampler) Rank(u float64) int {
	r := sort.SearchFloat64s(s.cumulative, u)
	return min(r, len(s.cumulative)-1)
}
