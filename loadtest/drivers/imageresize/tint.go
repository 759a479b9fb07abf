package imageresize

import "math"

// nearestTint returns the eighth of the circle that a mean chroma is nearest to.
// The pattern of imagehall.Scenery moves the mean; it is the same for all tints.
func nearestTint(cb, cr float64) int {
	best, distance := 0, math.Inf(1)
	for i := range tints {
		angle := 2 * math.Pi * float64(i) / tints
		x, y := 128+50*math.Cos(angle)+meanCb, 128+50*math.Sin(angle)+meanCr
		if d := math.Hypot(cb-x, cr-y); d < distance {
			best, distance = i, d
		}
	}
	return best
}

// The means of 30·sin(9x) and 30·cos(7y) from 0 to 1, by integration.
const (
	meanCb = 30 * (1 + 0.9111302618846770) / 9 // (1 - cos 9) / 9
	meanCr = 30 * 0.6569865987187891 / 7       // sin 7 / 7
)
