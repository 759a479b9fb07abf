package sqsconsumer

import (
	"context"
	"sync"
	"time"
)

// breaker keeps workers from receiving while a dependency is away.
type breaker struct {
	probe func(ctx context.Context) error

	mu   sync.Mutex
	open chan struct{} // closed when receiving goes on; nil while it does
}

func newBreaker(probe func(context.Context) error) *breaker { return &breaker{probe: probe} }

// trip stops the receiving.
func (b *breaker) trip() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.open == nil {
		b.open = make(chan struct{})
	}
}

// pass waits until the dependency is there, and reports false if ctx ended first.
func (b *breaker) pass(ctx context.Context) bool {
	for ctx.Err() == nil {
		b.mu.Lock()
		open := b.open
		b.mu.Unlock()
		if open == nil {
			return true
		}
		b.mend(ctx, open)
	}
	return false
}

const (
	firstProbe   = 100 * time.Millisecond
	lastProbe    = 2 * time.Second
	probeTimeout = 2 * time.Second
)

// mend probes until the dependency answers. All workers do so: a probe is cheap,
// and whoever succeeds first lets everybody go on.
func (b *breaker) mend(ctx context.Context, open chan struct{}) {
	for pause := firstProbe; ; pause = min(2*pause, lastProbe) {
		t := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			t.Stop()
			return
		case <-open:
			t.Stop()
			return
		case <-t.C:
		}
		if b.there(ctx) {
			b.close(open)
			return
		}
	}
}

func (b *breaker) there(ctx context.Context) bool {
	if b.probe == nil {
		return true
	}
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	return b.probe(ctx) == nil
}

// close lets the workers go on, unless somebody else has done so.
func (b *breaker) close(open chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.open == open {
		b.open = nil
		close(open)
	}
}
