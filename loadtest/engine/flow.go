package engine

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

const defaultWorkers = 64

// A Sender makes requests, one at a time, for the worker that owns it.
type Sender interface {
	// Send makes the request of arrival k and checks its answer. It needs a
	// timeout of its own and returns soon after ctx ends, for Run waits for it.
	// All calls get the same ctx.
	Send(ctx context.Context, k int64) Outcome
	// Close releases what the sender holds. It is called once, after the last Send.
	Close() error
}

// A Flow is one stream of arrivals that are measured together.
type Flow struct {
	Name     string
	Schedule Schedule

	// Workers send from the start; 0 means 64. When all are busy and arrivals are
	// due, more start, up to MaxWorkers; 0 means no more than Workers.
	Workers, MaxWorkers int

	// New makes the sender of a worker, whose number counts from 0. It does no
	// I/O; the first Send may.
	New func(worker int) (Sender, error)

	// WarmUp is the time whose arrivals are sent, counted apart and not measured.
	WarmUp time.Duration
}

func (f Flow) withDefaults() (Flow, error) {
	if f.Schedule == nil || f.New == nil {
		return f, errors.New("needs a schedule and a constructor of senders")
	}
	if f.WarmUp < 0 || f.Workers < 0 || f.MaxWorkers < 0 {
		return f, fmt.Errorf("negative warm-up %s, workers %d or most workers %d", f.WarmUp, f.Workers, f.MaxWorkers)
	}
	if f.Workers == 0 {
		f.Workers = defaultWorkers
	}
	f.MaxWorkers = max(f.MaxWorkers, f.Workers)
	return f, nil
}

// flow is a Flow under way. Only claimed is shared with the workers.
type flow struct {
	Flow
	run     *run
	claimed atomic.Int64

	workers []*worker
	noMore  bool // a further sender could not be made
	due     int64
	ended   bool // all arrivals of the schedule were due
	tally   *tally
}

// hire makes one more worker, which does not run yet.
func (f *flow) hire() error {
	s, err := f.New(len(f.workers))
	if err != nil {
		return fmt.Errorf("engine: flow %q: worker %d: %w", f.Name, len(f.workers), err)
	}
	f.workers = append(f.workers, &worker{flow: f, sender: s})
	return nil
}

// countDue counts the arrivals whose time has come.
func (f *flow) countDue(now time.Duration) {
	for !f.ended {
		at, ok := f.Schedule.At(f.due)
		if !ok {
			f.ended = true
			return
		}
		if at > now {
			return
		}
		f.due++
		f.tally.intended(at)
	}
}

// backlog is the number of arrivals that are due and that no worker has claimed.
func (f *flow) backlog() int64 { return max(0, f.due-f.claimed.Load()) }

// collect moves the workers' samples into the tally.
func (f *flow) collect() {
	for _, w := range f.workers {
		samples, inFlight := w.take()
		for i := range samples {
			f.tally.add(&samples[i], f.run.expired)
		}
		if inFlight != nil {
			f.tally.sent(inFlight)
		}
		w.spare = samples[:0]
	}
	f.tally.state(f.backlog(), len(f.workers))
}
