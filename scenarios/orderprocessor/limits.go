package orderprocessor

import (
	"sync"

	"golang.org/x/time/rate"
)

// limits admits so many orders a second of each customer. It remembers the last
// few thousand customers, in two generations: one that is forgotten begins anew
// with a full bucket.
type limits struct {
	perSecond float64

	mu          sync.Mutex
	recent, old map[string]*rate.Limiter
}

const maxRemembered = 20_000 // customers in a generation

func newLimits(perSecond float64) *limits {
	return &limits{perSecond: perSecond, recent: map[string]*rate.Limiter{}}
}

func (l *limits) allow(customer string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	one := l.recent[customer]
	if one == nil {
		one = l.old[customer]
	}
	if one == nil {
		one = rate.NewLimiter(rate.Limit(l.perSecond), max(1, int(l.perSecond)))
	}
	if len(l.recent) >= maxRemembered {
		l.recent, l.old = map[string]*rate.Limiter{}, l.recent
	}
	l.recent[customer] = one
	return one.Allow()
}
