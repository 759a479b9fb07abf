package edgeapi

import (
	"hash/maphash"
	"sync"
)

// slots bounds what is remembered of purges. Keys that share one purge each other,
// which costs a read of D1.
const slots = 256

// generations count the purges of keys, so that a read that began before one does
// not fill the cache after it. They know the purges of this isolate alone.
type generations struct {
	mu     sync.Mutex
	seed   maphash.Seed
	seeded bool
	counts [slots]uint64
}

func (g *generations) of(key string) uint64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return *g.slot(key)
}

func (g *generations) next(key string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	*g.slot(key)++
}

func (g *generations) slot(key string) *uint64 {
	if !g.seeded {
		g.seed, g.seeded = maphash.MakeSeed(), true
	}
	return &g.counts[maphash.String(g.seed, key)%slots]
}
