package leaderboard

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// Pages is how many pages of PageSize entries are served.
	Pages = 40
	// PageSize is the number of entries on a page.
	PageSize = 25

	refreshEvery   = 250 * time.Millisecond
	refreshTimeout = 250 * time.Millisecond
	// freshFor is how long a page is served unmarked without having been found
	// current: the second that is promised, less the time in which an improvement
	// may have been accepted without the view knowing it.
	freshFor = 800 * time.Millisecond
	// span is how many entries are shown on each side of a player.
	span = 5
)

// board is what this process serves: an edition, replaced as a whole.
type board struct {
	view    *view
	metrics *metrics
	log     *slog.Logger
	now     func() time.Time
	current atomic.Pointer[edition]

	started   time.Time
	confirmed atomic.Int64 // since started: when the edition was last known to hold everything accepted
	marking   sync.Mutex   // held to replace the edition

	// Of the refresher alone.
	asked    time.Time // of the refresh before this one
	accepted int64     // as known then
	away     bool
}

// edition is one state of the board, ready to be sent.
type edition struct {
	through  int64
	sequence []byte // through, as a header value
	stale    bool
	age      []byte // as a header value; nil while fresh
	entries  []Entry
	places   map[string]int // player to index in entries
	pages    [Pages]*page
}

// A Standing is a player with those around.
type Standing struct {
	Rank     int64   `json:"rank"`
	Player   string  `json:"player"`
	Name     string  `json:"name"`
	Score    int64   `json:"score"`
	Stale    bool    `json:"stale"`
	Around   []Entry `json:"around"`
	sequence int64
}

func newBoard(v *view, m *metrics, log *slog.Logger) *board {
	return &board{view: v, metrics: m, log: log, now: time.Now, started: time.Now()}
}

// edition returns the newest edition, nil before the first.
func (b *board) edition() *edition { return b.current.Load() }

// serving returns the edition to answer with. It is marked if nobody has looked
// at the view for too long: the refresher, or the whole process, may have stood still.
func (b *board) serving() *edition {
	e := b.current.Load()
	if e == nil || e.stale || b.age() <= freshFor {
		return e
	}
	b.marking.Lock()
	defer b.marking.Unlock()
	b.mark()
	return b.current.Load()
}

// age is how long ago the edition was last known to be current.
func (b *board) age() time.Duration {
	return b.now().Sub(b.started) - time.Duration(b.confirmed.Load())
}

func (b *board) confirm(at time.Time) { b.confirmed.Store(int64(at.Sub(b.started))) }

// run refreshes until ctx ends. The jitter keeps processes from asking together.
func (b *board) run(ctx context.Context) {
	for {
		b.refresh(ctx)
		if !sleep(ctx, refreshEvery-rand.N(refreshEvery/5)) {
			return
		}
	}
}

// refresh takes over what the view has that is newer, and says how old the
// edition is. The view may have gone back, to what a restarted Redis remembers:
// then the edition stays as it is until the view has caught up.
func (b *board) refresh(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, refreshTimeout)
	defer cancel()
	began := b.now()
	old := b.current.Load()
	known := int64(-1)
	if old != nil {
		known = old.through
	}
	s, entries, err := b.view.read(ctx, known, Pages*PageSize)
	b.note(err)
	usable := err == nil && s.complete && s.through >= known
	b.marking.Lock()
	defer b.marking.Unlock()
	if usable && s.through > known {
		b.publish(s.through, entries, b.current.Load())
	}
	switch {
	case usable && s.through >= s.accepted:
		b.confirm(began)
	case usable && s.through >= b.accepted: // what came since is under way
		b.confirm(b.asked)
	}
	if err == nil && s.complete {
		b.asked, b.accepted = began, s.accepted
	}
	b.mark()
}

// publish makes an edition of entries. Pages that did not change are kept, with
// their ETags.
func (b *board) publish(through int64, entries []Entry, old *edition) {
	e := &edition{
		through: through, sequence: strconv.AppendInt(nil, through, 10),
		entries: entries, places: make(map[string]int, len(entries)),
	}
	for i, entry := range entries {
		e.places[entry.Player] = i
	}
	e.encode(old)
	b.current.Store(e)
	b.metrics.through.Set(float64(through))
}

// mark says on the edition how old it is, if it may not be current any more.
func (b *board) mark() {
	e := b.current.Load()
	if e == nil {
		return
	}
	age := b.age()
	b.metrics.age.Set(age.Seconds())
	stale := age > freshFor
	if !stale && !e.stale {
		return
	}
	marked := *e
	marked.stale, marked.age = stale, nil
	if stale {
		marked.age = strconv.AppendInt(nil, int64(min(age, 365*24*time.Hour)/time.Second), 10)
	}
	if stale != e.stale {
		marked.encode(nil)
	}
	b.current.Store(&marked)
}

// note logs when the view goes away and when it is back, and not in between.
func (b *board) note(err error) {
	if away := err != nil; away != b.away {
		b.away = away
		b.log.Warn("the view in Redis", "away", away, "error", err)
	}
	if err != nil {
		b.metrics.refreshErrors.Inc()
	}
}

// standing returns a player from the edition, if it holds all those around.
func (e *edition) standing(player string) (Standing, bool) {
	i, ok := e.places[player]
	if !ok || (i+span >= len(e.entries) && len(e.entries) == Pages*PageSize) {
		return Standing{}, false
	}
	around := e.entries[max(0, i-span):min(len(e.entries), i+span+1)]
	return newStanding(e.entries[i], around, e.through, e.stale), true
}

func newStanding(own Entry, around []Entry, through int64, stale bool) Standing {
	return Standing{Rank: own.Rank, Player: own.Player, Name: own.Name, Score: own.Score, Stale: stale, Around: around, sequence: through}
}
