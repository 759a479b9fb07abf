package leaderboard

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"
)

// accepted is what the service said it accepted, and when.
type accepted struct {
	mu   sync.Mutex
	all  []acceptance
	lost []submission     // without a definite answer: they may count or not
	from map[string]int64 // scores that the board began with
}

type acceptance struct {
	submission
	receipt
	sent, read time.Time // of the first attempt, of the answer
}

func (a *accepted) add(one acceptance) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.all = append(a.all, one)
}

func (a *accepted) seed(s scoreBody) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.from == nil {
		a.from = make(map[string]int64)
	}
	a.from[s.Player] = s.Score
}

func (a *accepted) lose(s submission) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.lost = append(a.lost, s)
}

// improvements returns the acknowledged improvements by their sequence.
func (a *accepted) improvements() []acceptance {
	a.mu.Lock()
	defer a.mu.Unlock()
	all := slices.DeleteFunc(slices.Clone(a.all), func(one acceptance) bool { return !one.Improved })
	slices.SortFunc(all, func(x, y acceptance) int { return cmp.Compare(x.Sequence, y.Sequence) })
	return all
}

// outOfOrder finds two improvements of which the first was answered before the
// second was sent, and which the store numbered the other way round, or alike.
func outOfOrder(improvements []acceptance) string {
	for i := 1; i < len(improvements); i++ {
		if a, b := improvements[i-1], improvements[i]; a.Sequence == b.Sequence {
			return fmt.Sprintf("%s and %s were both accepted as number %d", a.key, b.key, a.Sequence)
		}
	}
	bySent := slices.SortedFunc(slices.Values(improvements), func(a, b acceptance) int { return a.sent.Compare(b.sent) })
	byRead := slices.SortedFunc(slices.Values(improvements), func(a, b acceptance) int { return a.read.Compare(b.read) })
	var newest acceptance // of those read before the one at hand was sent
	for _, one := range bySent {
		for len(byRead) > 0 && byRead[0].read.Before(one.sent) {
			if byRead[0].Sequence > newest.Sequence {
				newest = byRead[0]
			}
			byRead = byRead[1:]
		}
		if one.Sequence < newest.Sequence {
			return fmt.Sprintf("%s was acknowledged as number %d before %s was sent, which became number %d",
				newest.key, newest.Sequence, one.key, one.Sequence)
		}
	}
	return ""
}

// least returns the best that each player must have at least, and where an
// unanswered submission may have raised it.
func (a *accepted) least() (best map[string]int64, maybe map[string][]int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	best, maybe = maps.Clone(a.from), make(map[string][]int64)
	for _, one := range a.all {
		best[one.player] = max(best[one.player], one.score)
	}
	for _, s := range a.lost {
		maybe[s.player] = append(maybe[s.player], s.score)
	}
	return best, maybe
}

// complaints keeps the first few sentences about what was wrong.
type complaints struct {
	mu    sync.Mutex
	first []string
	n     int
}

func (c *complaints) add(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n++
	if len(c.first) < 5 {
		c.first = append(c.first, fmt.Sprintf(format, args...))
	}
}

// String is empty when nothing was wrong.
func (c *complaints) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n == 0 {
		return ""
	}
	s := fmt.Sprint(c.first)
	if c.n > len(c.first) {
		s += fmt.Sprintf(" and %d more", c.n-len(c.first))
	}
	return s
}
