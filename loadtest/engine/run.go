package engine

import (
	"context"
	"slices"
	"sync/atomic"
	"time"
)

// maxNap bounds a sleep, so that a worker whose next arrival is far away still
// sees the end of the run.
const maxNap = 100 * time.Millisecond

type run struct {
	options Options
	flows   []*flow
	start   time.Time
	cancel  context.CancelFunc // ends the requests in flight
	exited  chan *worker

	stopped atomic.Bool // no further request is sent

	// The rest belongs to the collecting goroutine.
	live        int
	interrupted bool
	expired     time.Duration // when waiting for answers ended; 0 before
	settleBy    time.Duration // 0 while arrivals are still to come
	second      int           // the next to be closed
	end         time.Duration
	errs        []error
}

func (r *run) now() time.Duration { return time.Since(r.start) }

// sleepUntil returns the time it woke up, and false when the run was stopped.
func (r *run) sleepUntil(due, now time.Duration) (time.Duration, bool) {
	for now < due {
		if r.stopped.Load() {
			return now, false
		}
		time.Sleep(min(due-now, maxNap))
		now = r.now()
	}
	return now, !r.stopped.Load()
}

// hire makes the first workers of all flows, or none.
func (r *run) hire() error {
	for _, f := range r.flows {
		for range f.Workers {
			if err := f.hire(); err != nil {
				r.dismiss()
				return err
			}
		}
	}
	return nil
}

func (r *run) dismiss() {
	for _, f := range r.flows {
		for _, w := range f.workers {
			_ = w.sender.Close() // it sent nothing, and the first error is told
		}
	}
}

func (r *run) startAll(sending context.Context) {
	now := time.Now()
	r.start = now
	if !r.options.Start.IsZero() {
		r.start = now.Add(r.options.Start.Sub(now)) // with the monotonic clock
	}
	for _, f := range r.flows {
		for _, w := range f.workers {
			r.live++
			go w.run(sending)
		}
	}
}

// collect is the one goroutine that reads what workers measure, until all have
// exited.
func (r *run) collect(ctx, sending context.Context) {
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	done := ctx.Done()
	for r.live > 0 {
		select {
		case w := <-r.exited:
			r.exit(w)
		case <-done:
			done = nil
			r.interrupt()
		case <-ticker.C:
			r.tick(sending)
		}
	}
	r.finish()
}

func (r *run) exit(w *worker) {
	r.live--
	if w.err != nil {
		r.errs = append(r.errs, w.err)
	}
}

func (r *run) interrupt() {
	r.interrupted = true
	r.stop()
	r.settleBy = r.end + r.options.Settle
}

// stop lets nothing more be sent. The order matters: a worker that still sends
// read the clock before it saw that the run goes on, so its arrival is counted.
func (r *run) stop() {
	if r.stopped.Swap(true) {
		return
	}
	r.end = r.now()
	for _, f := range r.flows {
		f.countDue(r.end)
	}
}

func (r *run) tick(sending context.Context) {
	now := r.now()
	if !r.stopped.Load() {
		r.advance(now, sending)
	}
	r.gather(now)
	if r.settleBy > 0 && now >= r.settleBy && r.expired == 0 {
		r.stop()
		r.expired = r.now()
		r.cancel()
	}
}

// advance counts what has become due and starts workers where it waits.
func (r *run) advance(now time.Duration, sending context.Context) {
	ended := true
	for _, f := range r.flows {
		f.countDue(now)
		ended = ended && f.ended
		r.grow(f, sending)
	}
	if ended && r.settleBy == 0 {
		r.settleBy = now + r.options.Settle
	}
}

// grow at most doubles the workers: a pause of the server needs many at once, a
// hiccup of the machine none.
func (r *run) grow(f *flow, sending context.Context) {
	add := min(f.backlog(), int64(len(f.workers)), int64(f.MaxWorkers-len(f.workers)))
	for ; add > 0 && !f.noMore; add-- {
		if err := f.hire(); err != nil {
			f.noMore = true
			r.errs = append(r.errs, err)
			return
		}
		r.live++
		go f.workers[len(f.workers)-1].run(sending)
	}
}

// gather collects and closes the seconds that are over.
func (r *run) gather(now time.Duration) {
	for _, f := range r.flows {
		f.collect()
	}
	for ; time.Duration(r.second+1)*time.Second <= now; r.second++ {
		r.closeSecond()
	}
}

func (r *run) closeSecond() {
	p := Progress{Second: r.second, Elapsed: time.Duration(r.second+1) * time.Second}
	for _, f := range r.flows {
		p.Flows = append(p.Flows, FlowProgress{Name: f.Name, Second: f.tally.closeSecond()})
	}
	if r.options.OnSecond != nil {
		r.options.OnSecond(p)
	}
}

// finish takes what the last tick did not see and closes the last second, which
// may be a part of one.
func (r *run) finish() {
	r.stop()
	now := r.now()
	r.gather(now)
	if now > time.Duration(r.second)*time.Second || r.open() {
		r.closeSecond()
	}
}

// open reports whether a second holds something that happened just at its start.
func (r *run) open() bool {
	return slices.ContainsFunc(r.flows, func(f *flow) bool { return len(f.tally.seconds.open) > 0 })
}
