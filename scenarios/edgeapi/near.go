package edgeapi

import (
	"context"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
)

// Bounds of what one instance keeps: 16 MiB of bodies, where a Worker has 128.
const (
	nearEntries = 1024
	nearBody    = 16 << 10
)

// Near is a cache before another one, in the memory of this instance: what is asked
// for most does not leave it. It forgets with the other one; what another instance
// makes that forget, it serves until it ends.
type Near struct {
	Cache
	now  func() time.Time
	kept *lru.Cache[string, Entry]
}

// NewNear makes one that is empty.
func NewNear(before Cache, now func() time.Time) (Near, error) {
	kept, err := lru.New[string, Entry](nearEntries)
	return Near{Cache: before, now: now, kept: kept}, err
}

// Get implements Cache. What it finds in the other cache it does not keep: a purge
// may have come between.
func (n Near) Get(ctx context.Context, key string) (*Entry, error) {
	if e, ok := n.kept.Get(key); ok && n.now().Before(e.Until) {
		return &e, nil
	}
	return n.Cache.Get(ctx, key)
}

// Put implements Cache.
func (n Near) Put(ctx context.Context, key string, e Entry) error {
	if len(e.Body) <= nearBody {
		n.kept.Add(key, e)
	}
	return n.Cache.Put(ctx, key, e)
}

// Delete implements Cache.
func (n Near) Delete(ctx context.Context, key string) error {
	n.kept.Remove(key)
	return n.Cache.Delete(ctx, key)
}
