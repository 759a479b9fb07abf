package engine

import (
	"fmt"
	"math"
	"strings"
	"time"
)

// A Step is a time of one rate.
type Step struct {
	Rate     float64 // arrivals per second; 0 for a pause
	Duration time.Duration
}

// Steps is the schedule whose rate goes in steps.
type Steps []Step

// At implements [Schedule].
func (s Steps) At(k int64) (time.Duration, bool) {
	var c cursor
	for _, step := range s {
		if due, ok := c.find(k, stretch{step.Rate, step.Rate, step.Duration}); ok {
			return due, true
		}
	}
	return 0, false
}

// String names the schedule.
func (s Steps) String() string {
	parts := make([]string, len(s))
	for i, step := range s {
		parts[i] = fmt.Sprintf("%s for %s", perSecondText(step.Rate), step.Duration)
	}
	return "steps " + strings.Join(parts, ", ")
}

// Ramp is the schedule whose rate goes in a straight line.
type Ramp struct {
	From, To float64 // arrivals per second
	Duration time.Duration
}

// At implements [Schedule].
func (r Ramp) At(k int64) (time.Duration, bool) {
	var c cursor
	return c.find(k, stretch{r.From, r.To, r.Duration})
}

// String names the schedule.
func (r Ramp) String() string {
	return fmt.Sprintf("ramp %s to %s in %s", perSecondText(r.From), perSecondText(r.To), r.Duration)
}

const (
	spikeFactor = 10
	spikeFor    = 10 * time.Second
)

// Spike is the schedule of a constant rate with one burst.
type Spike struct {
	Rate     float64       // arrivals per second outside the burst
	Begin    time.Duration // of the burst
	Factor   float64       // of the rate within it; 0 means 10
	For      time.Duration // length of the burst; 0 means 10 s
	Duration time.Duration // of all; not before the end of the burst
}

// At implements [Schedule].
func (s Spike) At(k int64) (time.Duration, bool) {
	s = s.withDefaults()
	var c cursor
	for _, part := range [...]stretch{
		{s.Rate, s.Rate, s.Begin},
		{s.Rate * s.Factor, s.Rate * s.Factor, s.For},
		{s.Rate, s.Rate, s.Duration - s.Begin - s.For},
	} {
		if due, ok := c.find(k, part); ok {
			return due, true
		}
	}
	return 0, false
}

func (s Spike) withDefaults() Spike {
	if s.Factor == 0 {
		s.Factor = spikeFactor
	}
	if s.For == 0 {
		s.For = spikeFor
	}
	return s
}

// String names the schedule.
func (s Spike) String() string {
	s = s.withDefaults()
	return fmt.Sprintf("spike %s for %s, %s× from %s for %s", perSecondText(s.Rate), s.Duration,
		strings.TrimSuffix(perSecondText(s.Factor), "/s"), s.Begin, s.For)
}

// stretch is a time in which the rate goes in a straight line.
type stretch struct {
	from, to float64
	duration time.Duration
}

func (s stretch) arrivals() float64 {
	if s.from < 0 || s.to < 0 {
		return 0
	}
	return (s.from + s.to) / 2 * s.duration.Seconds()
}

// at returns the time until n arrivals are due: where the integral of the rate is
// n, by the form of the quadratic formula that loses no digits.
func (s stretch) at(n float64) time.Duration {
	if n <= 0 {
		return 0
	}
	slope := (s.to - s.from) / s.duration.Seconds()
	seconds := 2 * n / (s.from + math.Sqrt(max(0, s.from*s.from+2*slope*n)))
	return min(time.Duration(seconds*float64(time.Second)), s.duration)
}

// cursor goes through stretches one after the other.
type cursor struct {
	start  time.Duration
	before float64 // arrivals
}

func (c *cursor) find(k int64, s stretch) (time.Duration, bool) {
	n := s.arrivals()
	if rest := float64(k) - c.before; rest < n {
		return c.start + s.at(rest), true
	}
	c.before += max(n, 0)
	c.start += max(s.duration, 0)
	return 0, false
}
