package edgeapi

import (
	"sync"
	"time"
)

// Admission lets a number of requests per second pass in one instance, a fifth of
// them at once. The zero value, and none at all, lets everything pass.
type Admission struct {
	PerSecond float64

	mu     sync.Mutex
	tokens float64
	last   time.Time
}

// Allow reports whether a request that arrives now may be served.
func (a *Admission) Allow(now time.Time) bool {
	if a == nil || a.PerSecond <= 0 {
		return true
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	burst := max(1, a.PerSecond/5)
	if a.last.IsZero() {
		a.tokens = burst
	} else if passed := now.Sub(a.last).Seconds(); passed > 0 {
		a.tokens = min(burst, a.tokens+passed*a.PerSecond)
	}
	a.last = now
	if a.tokens < 1 {
		return false
	}
	a.tokens--
	return true
}
