package leaderboard

import (
	"context"
	crand "crypto/rand"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

const (
	rebuildReaders  = 4   // buckets read side by side
	rebuildBatch    = 500 // players in one script: a few milliseconds of Redis
	rebuildAttempts = 6   // of one bucket: a table under load refuses a fast reader
	rebuildBackOff  = 50 * time.Millisecond
)

// rebuild fills the view from the table.
//
// The token comes first, so that from there on improvements count as applied
// only if they reached this very view; then the last sequence, so that every
// improvement up to it is in the table before the reading begins; then the table.
// A process that dies or sleeps in between leaves an unfinished view, which the
// next keeper begins again; what the sleeper still does is refused.
func (k *keeper) rebuild(ctx context.Context) error {
	began := time.Now()
	token := crand.Text()
	if err := k.view.beginRebuild(ctx, token); err != nil {
		return err
	}
	last, err := k.last(ctx)
	if err != nil {
		return err
	}
	k.log.Info("rebuilding the view", "last", last)
	if err := k.read(ctx, token); err != nil {
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

// read applies the whole table, bucket by bucket, and stops with the first that
// fails.
func (k *keeper) read(ctx context.Context, token string) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var next atomic.Int64
	var reading sync.WaitGroup
	for range rebuildReaders {
		reading.Go(func() {
			for bucket := next.Add(1) - 1; bucket < buckets && ctx.Err() == nil; bucket = next.Add(1) - 1 {
				if err := k.fillPatiently(ctx, token, int(bucket)); err != nil {
					cancel(err)
				}
			}
		})
	}
	reading.Wait()
	return context.Cause(ctx)
}

// fillPatiently tries a bucket again, ever later. Filling it twice changes nothing.
func (k *keeper) fillPatiently(ctx context.Context, token string, bucket int) error {
	wait := rebuildBackOff
	for attempt := 1; ; attempt++ {
		err := k.fill(ctx, token, bucket)
		if err == nil || errors.Is(err, errFenced) || attempt == rebuildAttempts || !sleep(ctx, wait+rand.N(wait)) {
			return err
		}
		wait *= 2
	}
}

func (k *keeper) fill(ctx context.Context, token string, bucket int) error {
	return k.store.bucket(ctx, bucket, func(players []Improvement) error {
		for part := range slices.Chunk(players, rebuildBatch) {
			if _, err := k.view.put(ctx, part, 0, token); err != nil {
				return err
			}
		}
		return nil
	})
}
