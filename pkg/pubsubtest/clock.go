package pubsubtest

import (
	"sync"
	"time"
)

// Clock is where a server has its time from: SystemClock, or in tests a
// ManualClock.
type Clock interface {
	Now() time.Time
	// At returns a channel that is closed at t, and a function that gives it up.
	At(t time.Time) (reached <-chan struct{}, stop func())
}

// SystemClock is the machine's clock. In a synctest bubble it is the bubble's.
type SystemClock struct{}

// Now implements Clock.
func (SystemClock) Now() time.Time { return time.Now() }

// At implements Clock.
func (SystemClock) At(t time.Time) (<-chan struct{}, func()) {
	reached := make(chan struct{})
	timer := time.AfterFunc(time.Until(t), func() { close(reached) })
	return reached, func() { timer.Stop() }
}

// ManualClock stands still until it is moved. The zero value is not usable.
type ManualClock struct {
	mu      sync.Mutex
	now     time.Time
	waiting map[chan struct{}]time.Time
}

// NewManualClock returns a clock that stands at t.
func NewManualClock(t time.Time) *ManualClock {
	return &ManualClock{now: t, waiting: map[chan struct{}]time.Time{}}
}

// Now implements Clock.
func (c *ManualClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// At implements Clock.
func (c *ManualClock) At(t time.Time) (<-chan struct{}, func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	reached := make(chan struct{})
	if !t.After(c.now) {
		close(reached)
		return reached, func() {}
	}
	c.waiting[reached] = t
	return reached, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.waiting, reached)
	}
}

// Advance moves the clock. What is due by then happens before any later call
// to the server is answered, and soon by itself.
func (c *ManualClock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	for reached, t := range c.waiting {
		if !t.After(c.now) {
			close(reached)
			delete(c.waiting, reached)
		}
	}
}
