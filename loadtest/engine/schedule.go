package engine

import "time"

// A Schedule says when arrivals are due. Workers ask it concurrently and each k
// more than once, so it computes and keeps no state.
type Schedule interface {
	// At returns when arrival k, counted from 0, is due, as the time since the
	// start of the run. It does not decrease with k; ok is false after the last.
	At(k int64) (due time.Duration, ok bool)
}

// Constant is the schedule of evenly spaced arrivals from 0 until Duration.
type Constant struct {
	Rate     float64 // arrivals per second
	Duration time.Duration
}

// At implements [Schedule]. It does not drift: arrival k is due at k/Rate.
func (c Constant) At(k int64) (time.Duration, bool) {
	if c.Rate <= 0 {
		return 0, false
	}
	seconds := float64(k) / c.Rate
	if seconds >= c.Duration.Seconds() {
		return 0, false
	}
	return time.Duration(seconds * float64(time.Second)), true
}
