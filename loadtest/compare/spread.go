package compare

import (
	"math"
	"slices"
)

const (
	blockCount = 10
	beyond     = 3 // standard errors
)

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// means cuts values into at most ten blocks of equal length and returns their
// means: neighbouring seconds are alike, blocks hardly.
func means(values []float64) []float64 {
	per := len(values) / blockCount
	if per == 0 {
		return values
	}
	out := make([]float64, blockCount)
	for i := range out {
		for _, v := range values[i*per : (i+1)*per] {
			out[i] += v / float64(per)
		}
	}
	return out
}

// beyondBlocks compares the means of the blocks of both sides by their standard
// error (Welch); fewer than five blocks a side tell nothing.
func beyondBlocks(a, b []float64) (known, isBeyond bool) {
	if len(a) < blockCount/2 || len(b) < blockCount/2 {
		return false, false
	}
	meanA, errA := meanAndError(a)
	meanB, errB := meanAndError(b)
	return true, math.Abs(meanA-meanB) > beyond*math.Hypot(errA, errB)
}

// meanAndError returns the mean and its standard error.
func meanAndError(values []float64) (mean, standardError float64) {
	n := float64(len(values))
	for _, v := range values {
		mean += v / n
	}
	squares := 0.0
	for _, v := range values {
		squares += (v - mean) * (v - mean)
	}
	return mean, math.Sqrt(squares / (n - 1) / n)
}
