package leaderboard

import (
	"context"
	"crypto/rand"
	"errors"
	"sync"
	"time"
)

const (
	rebuildSegments = 4   // of the scan, side by side
	rebuildBatch    = 500 // players in one script: a few milliseconds of Redis
)

// rebuild fills the view from the table.
//
// The token comes first, so that from there on improvements count as applied
// only if they reached this very view; then the last sequence, so that every
// improvement up to it is in the table before the scan begins; then the scan.
// A process that dies or sleeps in between leaves an unfinished view, which the
// next keeper begins again; what the sleeper still does is refused.
func (k *keeper) rebuild(ctx context.Context) error {
	began := time.Now()
	token := rand.Text()
	if err := k.view.beginRebuild(ctx, token); err != nil {
		return err
	}
	last, err := k.last(ctx)
	if err != nil {
		return err
	}
	k.log.Info("rebuilding the view", "last", last)
	if err := k.scan(ctx, token); err != nil {
		return err
	}
	if err := k.view.finishRebuild(ctx, token, last); err != nil {
		return err
	}
	k.metrics.rebuilds.Inc()
	k.metrics.rebuildSeconds.Set(time.Since(began).Seconds())
	k.log.Info("rebuilt the view", "last", last, "seconds", time.Since(began).Seconds())
	return nil
}

// scan applies the whole table, segment by segment, and stops all with the first
// that fails.
func (k *keeper) scan(ctx context.Context, token string) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	errs := make([]error, rebuildSegments)
	var running sync.WaitGroup
	for i := range rebuildSegments {
		running.Go(func() {
			errs[i] = k.store.scan(ctx, i, rebuildSegments, func(some []Improvement) error { return k.fill(ctx, token, some) })
			if errs[i] != nil {
				cancel()
			}
		})
	}
	running.Wait()
	return errors.Join(errs...)
}

func (k *keeper) fill(ctx context.Context, token string, some []Improvement) error {
	for len(some) > 0 {
		part := some[:min(len(some), rebuildBatch)]
		some = some[len(part):]
		if _, err := k.view.put(ctx, part, 0, token); err != nil {
			return err
		}
	}
	return nil
}
