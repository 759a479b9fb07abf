package engine

import (
	"context"
	"sync"
	"time"
)

// A sample is one request; the times count from the start of the run.
type sample struct {
	due, sent, done time.Duration
	status          int32
	kind            Kind
	late            bool // no worker was idle when it was due
	counted         bool // as sent, while it was in flight
}

// lateAfter is how far behind a claim must be to be called late. Idle workers
// claim ahead, but timers of the runtime wake them up to 1 ms behind.
const lateAfter = time.Millisecond

// worker sends one request at a time. Its lock is its own and the collector's
// ten times a second, so on the hot path it is free.
type worker struct {
	flow   *flow
	sender Sender
	user   *user // of a closed loop
	err    error // of closing the sender; read after the worker has exited

	mu       sync.Mutex
	samples  []sample
	current  sample
	inFlight bool

	spare []sample // the collector's
}

func (w *worker) run(ctx context.Context) {
	defer func() {
		w.err = w.sender.Close()
		w.flow.run.exited <- w
	}()
	for w.next(ctx) {
	}
}

// next claims an arrival and sends it when it is due; false after the last one.
func (w *worker) next(ctx context.Context) bool {
	r := w.flow.run
	k := w.flow.claimed.Add(1) - 1
	due, ok := w.due(k)
	if !ok {
		return false
	}
	claimed := r.now()
	sent, ok := r.sleepUntil(due, claimed)
	if !ok {
		return false
	}
	w.begin(sample{due: due, sent: sent, late: claimed-due > lateAfter})
	out := w.sender.Send(ctx, k)
	done := r.now()
	w.end(done, out)
	if w.user != nil {
		w.user.answered(done)
	}
	return true
}

func (w *worker) due(k int64) (time.Duration, bool) {
	if w.user != nil {
		return w.user.due()
	}
	return w.flow.Schedule.At(k)
}

func (w *worker) begin(s sample) {
	w.mu.Lock()
	w.current = s
	w.inFlight = true
	w.mu.Unlock()
}

func (w *worker) end(done time.Duration, out Outcome) {
	w.mu.Lock()
	w.inFlight = false
	w.current.done = done
	w.current.kind = out.Kind
	w.current.status = int32(out.Status)
	w.samples = append(w.samples, w.current)
	w.mu.Unlock()
}

// take hands over the samples, and the request in flight the first time it is
// seen: it is sent, and when it ends nobody knows.
func (w *worker) take() (samples []sample, inFlight *sample) {
	w.mu.Lock()
	defer w.mu.Unlock()
	samples, w.samples = w.samples, w.spare
	if w.inFlight && !w.current.counted {
		s := w.current
		w.current.counted = true
		return samples, &s
	}
	return samples, nil
}
