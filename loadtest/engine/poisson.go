package engine

import (
	"fmt"
	"math"
	"math/bits"
	"time"
)

// Poisson is the schedule of independent users who know nothing of each other:
// the gaps between arrivals are exponentially distributed with mean 1/Rate. The
// same values make the same arrivals.
//
// Arrival k is found without the ones before it, in a tree: the time of all
// arrivals is drawn first, then that of the middle one, then the middle of the
// half that holds k, and so on. Given the ends, the middle of 2n exponential gaps
// divides their time by a symmetric beta distribution with parameter n, so this
// is a Poisson process and no approximation. It costs about 50 ns for each
// doubling of the number of arrivals.
type Poisson struct {
	Rate     float64 // mean arrivals per second
	Duration time.Duration
	Seed     uint64
}

// At implements [Schedule].
func (p Poisson) At(k int64) (time.Duration, bool) {
	if p.Rate <= 0 || p.Duration <= 0 {
		return 0, false
	}
	// Twice as many gaps as are expected, and some: they outlast Duration.
	levels := bits.Len64(uint64(2*p.Rate*p.Duration.Seconds()) + 64)
	gaps := int64(1) << levels
	if k+1 >= gaps {
		return 0, false
	}
	seconds := p.after(k+1, gaps)
	if seconds >= p.Duration.Seconds() {
		return 0, false
	}
	return time.Duration(seconds * float64(time.Second)), true
}

// after returns the time that the first n of a number of gaps take; the number is
// a power of two.
func (p Poisson) after(n, gaps int64) float64 {
	low, high := 0.0, gamma(dice{p.Seed, 0}, float64(gaps))/p.Rate
	for node, first := uint64(1), int64(0); ; {
		gaps /= 2
		middle := low + (high-low)*symmetricBeta(dice{p.Seed, node}, float64(gaps))
		switch {
		case n == first+gaps:
			return middle
		case n < first+gaps:
			high, node = middle, 2*node
		default:
			low, node, first = middle, 2*node+1, first+gaps
		}
	}
}

// String names the schedule.
func (p Poisson) String() string {
	return fmt.Sprintf("Poisson %s for %s, seed %d", perSecondText(p.Rate), p.Duration, p.Seed)
}

// dice are the random numbers of one node of a tree.
type dice struct{ seed, node uint64 }

// throw returns the i-th number of the node, at least 0 and below 1.
func (d dice) throw(i uint64) float64 {
	return float64(mix(mix(mix(d.seed)+d.node)+i)>>11) / (1 << 53)
}

// mix is the step of SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom
// number generators, 2014).
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// symmetricBeta draws from the beta distribution with both parameters n ≥ 1, by
// Ulrich's formula (Devroye: Non-uniform random variate generation, 1986, IX.4.3).
func symmetricBeta(d dice, n float64) float64 {
	if n == 1 {
		return d.throw(0)
	}
	radius := math.Sqrt(-math.Expm1(math.Log(d.throw(0)) * 2 / (2*n - 1)))
	return (1 + radius*math.Cos(2*math.Pi*d.throw(1))) / 2
}

// gamma draws the sum of n exponential gaps with mean 1 (Marsaglia, Tsang: A
// simple method for generating gamma variables, 2000).
func gamma(d dice, n float64) float64 {
	a := n - 1.0/3
	c := 1 / math.Sqrt(9*a)
	for i := uint64(0); ; i += 3 {
		x := math.Sqrt(-2*math.Log(1-d.throw(i))) * math.Cos(2*math.Pi*d.throw(i+1)) // normal
		v := 1 + c*x
		v *= v * v
		if v > 0 && math.Log(1-d.throw(i+2)) < x*x/2+a*(1-v+math.Log(v)) {
			return a * v
		}
	}
}
