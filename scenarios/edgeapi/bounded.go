package edgeapi

import (
	"context"
	"sync/atomic"
	"time"
)

// Bounded bounds how many batches of one instance are under way, and for how long.
// D1 works through one after the other: what would wait too long is refused.
type Bounded struct {
	DB      Database
	Most    int64
	Timeout time.Duration

	open atomic.Int64
}

// Batch implements Database. A batch that takes too long may still be carried out.
func (b *Bounded) Batch(ctx context.Context, since string, all ...Statement) ([]Rows, string, error) {
	defer b.open.Add(-1)
	if b.open.Add(1) > b.Most {
		return nil, "", ErrOverloaded
	}
	ctx, cancel := context.WithTimeout(ctx, b.Timeout)
	defer cancel()
	return b.DB.Batch(ctx, since, all...)
}
