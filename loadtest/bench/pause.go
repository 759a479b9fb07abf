package main

import (
	"context"
	"errors"
	"strconv"
	"syscall"
	"time"

	"github.com/provingground/provingground/loadtest/engine"
)

const (
	pausedRun  = 10 * time.Second
	pauseAfter = 4 * time.Second
	pauseFor   = 2 * time.Second
)

// pausing has no warm-up, for all of its arrivals count, and no more connections
// than the others.
func (n *nginx) pausing() engine.Flow {
	flow := n.atRate(rate, pausedRun-warmUp)
	flow.WarmUp, flow.MaxWorkers = 0, connections
	return flow
}

// paused stops nginx for two seconds while a client runs, and lets it go on
// however the client ends.
func paused(n *nginx, load func(context.Context) (sample, error)) func(context.Context) (sample, error) {
	if load == nil {
		return nil
	}
	return func(ctx context.Context) (sample, error) {
		stopping, cancel := context.WithCancel(ctx)
		done := make(chan error, 1)
		go func() { done <- n.pause(stopping) }()
		s, err := load(ctx)
		cancel()
		return s, errors.Join(err, <-done)
	}
}

func (n *nginx) pause(ctx context.Context) error {
	if !sleep(ctx, pauseAfter) {
		return errors.New("the load ended before the pause")
	}
	if err := syscall.Kill(n.process.PID(), syscall.SIGSTOP); err != nil {
		return err
	}
	whole := sleep(ctx, pauseFor)
	err := syscall.Kill(n.process.PID(), syscall.SIGCONT)
	if !whole {
		err = errors.Join(err, errors.New("the load ended within the pause"))
	}
	return err
}

func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func pauseColumns() []column {
	return []column{
		{"answered", func(r row) string {
			return strconv.FormatFloat(r.median(func(s sample) float64 { return float64(s.requests) }), 'f', 0, 64)
		}},
		timed("p50", func(s sample) time.Duration { return s.latency.p50 }),
		timed("p90", func(s sample) time.Duration { return s.latency.p90 }),
		timed("p99", func(s sample) time.Duration { return s.latency.p99 }),
		timed("max", func(s sample) time.Duration { return s.latency.max }),
		failures(),
	}
}
