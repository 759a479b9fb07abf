package engine

import (
	"fmt"
	"strconv"
	"time"
)

// A Schedule says when arrivals are due. Workers ask it concurrently and each k
// more than once, so it computes and keeps no state. Its String method, if it has
// one, is what reports call it.
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

// String names the schedule.
func (c Constant) String() string {
	return fmt.Sprintf("constant %s for %s", perSecondText(c.Rate), c.Duration)
}

func perSecondText(rate float64) string { return strconv.FormatFloat(rate, 'f', -1, 64) + "/s" }

// scheduleText names a schedule that may come from elsewhere.
func scheduleText(s Schedule) string {
	if named, ok := s.(fmt.Stringer); ok {
		return named.String()
	}
	return fmt.Sprintf("%T", s)
}

// dueBy returns the first arrival after k that is not due by limit; k itself is.
// It looks far ahead in few steps, for a schedule may be dear to ask.
func dueBy(s Schedule, k int64, limit time.Duration) int64 {
	due := func(k int64) bool {
		at, ok := s.At(k)
		return ok && at <= limit
	}
	step := int64(1)
	for due(k + step) {
		k += step
		step *= 2
	}
	low, high := k, k+step // low is due, high is not
	for high-low > 1 {
		if middle := low + (high-low)/2; due(middle) {
			low = middle
		} else {
			high = middle
		}
	}
	return high
}
