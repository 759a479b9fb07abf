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
	Schedule Schedule // when arrivals are due

	// Closed, if set, takes the place of Schedule and Workers: a fixed number of
	// users send, and when they do depends on the answers.
	Closed *ClosedLoop

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
	if (f.Schedule == nil) == (f.Closed == nil) || f.New == nil {
		return f, errors.New("needs a constructor of senders, and either a schedule or a closed loop")
	}
	if f.WarmUp < 0 || f.Workers < 0 || f.MaxWorkers < 0 {
		return f, fmt.Errorf("negative warm-up %s, workers %d or most workers %d", f.WarmUp, f.Workers, f.MaxWorkers)
	}
	if f.Closed != nil {
		f.Workers, f.MaxWorkers = f.Closed.Users, f.Closed.Users
		return f, f.Closed.validate()
	}
	if f.Workers == 0 {
		f.Workers = defaultWorkers
	}
	f.MaxWorkers = max(f.MaxWorkers, f.Workers)
	return f, nil
}

func (f Flow) model() Model {
	if f.Closed != nil {
		return Closed
	}
	return Open
}

// load names the schedule or the closed loop.
func (f Flow) load() string {
	if f.Closed != nil {
		return f.Closed.String()
	}
	return scheduleText(f.Schedule)
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
	w := &worker{flow: f, sender: s}
	if f.Closed != nil {
		w.user = f.Closed.user(len(f.workers))
	}
	f.workers = append(f.workers, w)
	return nil
}

// countDue counts the arrivals whose time has come.
func (f *flow) countDue(now time.Duration) {
	if f.Closed != nil { // each is counted as it is sent
		f.ended = now >= f.Closed.Duration
		return
	}
	for !f.ended {
		first, ok := f.Schedule.At(f.due)
		if !ok {
			f.ended = true
			return
		}
		if first > now {
			return
		}
		next := dueBy(f.Schedule, f.due, min(now, f.tally.sameUntil(first)))
		last, _ := f.Schedule.At(next - 1)
		f.tally.intended(first, last, next-f.due)
		f.due = next
	}
}

// backlog is the number of arrivals that are due and that no worker has claimed.
// A closed loop has none.
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
