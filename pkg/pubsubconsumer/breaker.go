package pubsubconsumer

import (
	"context"
	"sync"
	"time"
)

// breaker keeps the consumer from receiving while a dependency is away.
type breaker struct {
	probe func(ctx context.Context) error

	mu   sync.Mutex
	away bool
	stop func() // ends the receiving that is under way
}

func newBreaker(probe func(context.Context) error) *breaker {
	return &breaker{probe: probe, stop: func() {}}
}

func (b *breaker) onTrip(stop func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stop = stop
}

// trip stops the receiving.
func (b *breaker) trip() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.away = true
	b.stop()
}

const (
	firstProbe   = 100 * time.Millisecond
	lastProbe    = 2 * time.Second
	probeTimeout = 2 * time.Second
)

// pass waits until the dependency is there, and reports false if ctx ended first.
func (b *breaker) pass(ctx context.Context) bool {
	b.mu.Lock()
	away := b.away
	b.mu.Unlock()
	for pause := firstProbe; away; pause = min(2*pause, lastProbe) {
		if !wait(ctx, pause) {
			return false
		}
		away = !b.there(ctx)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.away = false
	return ctx.Err() == nil
}

func (b *breaker) there(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	return b.probe(ctx) == nil
}
