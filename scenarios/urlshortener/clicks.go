package urlshortener

import (
	"context"
	"hash/maphash"
	"log/slog"
	"maps"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

const (
	flushEvery   = 500 * time.Millisecond // with the flush itself: under a second of clicks at risk
	flushTimeout = 400 * time.Millisecond
	clickShards  = 32
	clickBatch   = 512
	maxPending   = 200_000 // links with unflushed clicks; beyond it clicks are dropped and counted
)

// clicks counts redirects off the read path: in memory, sharded, and from
// there to Redis in batches. A batch whose outcome is unknown is sent again, so
// it may count twice; what a dying process had not flushed is lost.
type clicks struct {
	shared  *sharedCache
	dropped prometheus.Counter
	unsure  prometheus.Counter // batches that may count twice
	log     *slog.Logger
	seed    maphash.Seed
	shards  [clickShards]clickShard
}

type clickShard struct {
	mu     sync.Mutex
	counts map[string]int64
	_      [48]byte // a cache line each
}

func newClicks(shared *sharedCache, m *metrics, log *slog.Logger) *clicks {
	c := &clicks{shared: shared, dropped: m.clicksDropped, unsure: m.clicksUnsure, log: log, seed: maphash.MakeSeed()}
	for i := range c.shards {
		c.shards[i].counts = make(map[string]int64)
	}
	return c
}

// add counts one click.
func (c *clicks) add(name string) { c.merge(name, 1) }

func (c *clicks) merge(name string, n int64) {
	s := &c.shards[maphash.String(c.seed, name)%clickShards]
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, known := s.counts[name]; !known && len(s.counts) >= maxPending/clickShards {
		c.dropped.Add(float64(n))
		return
	}
	s.counts[name] += n
}

// run flushes until ctx ends, and once more after.
func (c *clicks) run(ctx context.Context) {
	tick := time.NewTicker(flushEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			c.flush(ctx)
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
			defer cancel()
			c.flush(last)
			return
		}
	}
}

// flush sends what has been counted. It stops at the first batch that fails and
// keeps the rest: while Redis is away, counts pile up by link, not by click.
func (c *clicks) flush(ctx context.Context) {
	pending := c.take()
	for len(pending) > 0 {
		batch := cut(pending, clickBatch)
		if err := c.send(ctx, batch); err != nil {
			c.unsure.Inc()
			c.putBack(batch)
			c.putBack(pending)
			return
		}
	}
}

func (c *clicks) send(ctx context.Context, batch map[string]int64) error {
	ctx, cancel := context.WithTimeout(ctx, flushTimeout)
	defer cancel()
	return c.shared.addClicks(ctx, batch)
}

func (c *clicks) take() map[string]int64 {
	all := make(map[string]int64)
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		counts := s.counts
		s.counts = make(map[string]int64, len(counts))
		s.mu.Unlock()
		maps.Copy(all, counts)
	}
	return all
}

func (c *clicks) putBack(counts map[string]int64) {
	for name, n := range counts {
		c.merge(name, n)
	}
}

// cut moves up to n entries out of m.
func cut(m map[string]int64, n int) map[string]int64 {
	part := make(map[string]int64, min(n, len(m)))
	for name, count := range m {
		if len(part) == n {
			break
		}
		part[name] = count
		delete(m, name)
	}
	return part
}
