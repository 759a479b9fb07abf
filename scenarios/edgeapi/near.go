package edgeapi

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
)

// Bounds of what one instance keeps: 16 MiB of bodies, where a Worker has 128.
const (
	nearEntries = 1024
	nearBody    = 16 << 10
)

// Near is a cache before another one, in the memory of this instance. Most answers are
// never asked for again: the other cache, which costs more, gets those that are. Near
// forgets with the other one; what another instance makes that forget, it serves until
// it ends.
type Near struct {
	behind Cache
	now    func() time.Time
	later  func(ctx context.Context, f func(context.Context))
	log    *slog.Logger
	kept   *lru.Cache[string, *nearEntry]
}

type nearEntry struct {
	Entry
	shared atomic.Bool // it was given to the other cache
}

// NewNear makes one that is empty. Later runs what a read need not wait for.
func NewNear(behind Cache, now func() time.Time, later func(context.Context, func(context.Context)), log *slog.Logger) (*Near, error) {
	kept, err := lru.New[string, *nearEntry](nearEntries)
	return &Near{behind: behind, now: now, later: later, log: log, kept: kept}, err
}

// Get implements Cache. What it finds in the other cache it does not keep: a purge
// may have come between.
func (n *Near) Get(ctx context.Context, key string) (*Entry, error) {
	e, ok := n.kept.Get(key)
	if !ok || !n.now().Before(e.Until) {
		return n.behind.Get(ctx, key)
	}
	if e.shared.CompareAndSwap(false, true) {
		n.later(ctx, func(ctx context.Context) { n.share(ctx, key, e) })
	}
	return &e.Entry, nil
}

// share gives an entry to the other cache, and takes it back if it was purged meanwhile.
func (n *Near) share(ctx context.Context, key string, e *nearEntry) {
	if !n.keeps(key, e) {
		return
	}
	err := n.behind.Put(ctx, key, e.Entry)
	if !n.keeps(key, e) {
		err = errors.Join(err, n.behind.Delete(ctx, key))
	}
	if err != nil { // the others ask D1
		n.log.Warn("cache not written", "error", err)
	}
}

func (n *Near) keeps(key string, e *nearEntry) bool {
	now, ok := n.kept.Peek(key)
	return ok && now == e
}

// Put implements Cache.
func (n *Near) Put(ctx context.Context, key string, e Entry) error {
	if len(e.Body) > nearBody {
		return n.behind.Put(ctx, key, e)
	}
	n.kept.Add(key, &nearEntry{Entry: e})
	return nil
}

// Delete implements Cache.
func (n *Near) Delete(ctx context.Context, key string) error {
	n.kept.Remove(key)
	return n.behind.Delete(ctx, key)
}
