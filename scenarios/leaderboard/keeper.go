package leaderboard

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"sync"
	"time"
)

const (
	// tenureTime is how long the lease lasts without renewal. It only saves calls:
	// two keepers at once do no harm, for applying is idempotent and a rebuild is
	// fenced by its token.
	tenureTime = 3 * time.Second
	renewEvery = 1 * time.Second
	watchEvery = 500 * time.Millisecond
	retryEvery = 250 * time.Millisecond
	// gapTimeout is how long a missing sequence may be on its way, directly or by
	// the stream, before the view is rebuilt from the table.
	gapTimeout = 5 * time.Second
)

// errLease says that another process keeps the view.
var errLease = errors.New("another process keeps the view")

// keeper has one process at a time look after the view: it applies the stream,
// compares the view with the truth, and rebuilds it when it is not complete.
type keeper struct {
	id      string
	view    *view
	store   *store
	stream  *stream
	metrics *metrics
	log     *slog.Logger
}

func newKeeper(v *view, s *store, st *stream, m *metrics, log *slog.Logger) *keeper {
	return &keeper{id: rand.Text(), view: v, store: s, stream: st, metrics: m, log: log}
}

// run keeps the view, or waits to, until ctx ends.
func (k *keeper) run(ctx context.Context) {
	said := ""
	for ctx.Err() == nil {
		err := k.keep(ctx)
		if err != nil && !errors.Is(err, errLease) && ctx.Err() == nil && err.Error() != said {
			said = err.Error()
			k.log.Warn("keeping the view was interrupted", "error", err)
		}
		sleep(ctx, retryEvery)
	}
}

// keep is one tenure: it ends with the lease, or with the first of its parts.
func (k *keeper) keep(ctx context.Context) error {
	if held, err := k.view.lease(ctx, k.id); err != nil || !held {
		return errors.Join(err, errLeaseUnless(held || err != nil))
	}
	if err := k.stream.open(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	parts := []func(context.Context) error{k.renew, k.stream.run, k.watch}
	errs := make([]error, len(parts))
	var running sync.WaitGroup
	for i, part := range parts {
		running.Go(func() {
			defer cancel()
			errs[i] = part(ctx)
		})
	}
	running.Wait()
	return errors.Join(errs...)
}

func errLeaseUnless(fine bool) error {
	if fine {
		return nil
	}
	return errLease
}

func (k *keeper) renew(ctx context.Context) error {
	for sleep(ctx, renewEvery) {
		held, err := k.view.lease(ctx, k.id)
		if err != nil {
			return err
		}
		if !held {
			return errLease
		}
	}
	return nil
}

// watch compares the view with the truth's own count, and rebuilds what is not
// complete or has missed a sequence for too long.
func (k *keeper) watch(ctx context.Context) error {
	gap := gap{}
	for {
		s, err := k.view.state(ctx)
		if err != nil {
			return err
		}
		last, err := k.last(ctx)
		if err != nil {
			return err
		}
		k.metrics.accepted.Set(float64(last))
		if !s.complete || gap.lasts(s.through, last, time.Now()) {
			if err := k.rebuild(ctx); err != nil {
				return err
			}
			gap.target = 0
		} else if _, err := k.view.put(ctx, nil, last, ""); err != nil {
			return err
		}
		if !sleep(ctx, watchEvery) {
			return nil
		}
	}
}

func (k *keeper) last(ctx context.Context) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, streamTimeout)
	defer cancel()
	return k.store.last(ctx)
}

// gap remembers a sequence that the view has not reached.
type gap struct {
	target int64
	since  time.Time
}

// lasts reports whether the view has been behind one and the same sequence for
// longer than gapTimeout.
func (g *gap) lasts(through, last int64, now time.Time) bool {
	if through >= g.target {
		g.target, g.since = last, now
	}
	return through < g.target && now.Sub(g.since) > gapTimeout
}
