// Package engine sends load by a schedule and measures what comes back.
//
// The load is open loop: a [Schedule] says when each arrival is due, and neither
// a slow answer nor a full pool of workers moves or drops one. Latency counts
// from the due time, so an arrival that had to wait for a free worker carries
// that wait, and a server that stands still for two seconds shows two seconds at
// p99, not at max alone. Arrivals come at a [Constant] rate, as [Poisson] has
// them, in [Steps], on a [Ramp] or in a [Spike]. Users with think time, who wait
// for their answers, are the second model, [ClosedLoop]; results say which.
//
// What is sent is a function: the [Sender] of package http1's client for HTTP,
// any call of an SDK for the rest. Each worker is a goroutine that owns a
// Sender, claims the next arrival, sleeps until it is due and sends. A stuck
// request holds up its own worker only; the others take what comes next, and when
// all are busy the backlog is counted and more workers start. On shared cores run
// the process with GOMAXPROCS=1 and GOGC=400: a second P costs a third more CPU
// per request.
//
// What a run keeps does not grow with its length: histograms have their size, and
// the series over time is merged once it is longer than an hour.
//
// Time is that of package time, so a test runs the engine in a synctest bubble.
package engine

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	tick          = 100 * time.Millisecond
	defaultSettle = 5 * time.Second
)

// Options says how a run goes. The zero value is ready to use.
type Options struct {
	Start  time.Time     // of all schedules; zero means now
	Settle time.Duration // wait for answers after the last arrival; 0 means 5 s

	// OnSecond, if set, is called about 0.1 s after the end of each second, from
	// the goroutine that collects the measurements: it should return quickly.
	OnSecond func(Progress)
}

// Run sends the flows side by side and returns what was measured once all their
// arrivals are answered, or [Options.Settle] after the last one. When ctx ends it
// sends nothing more, settles, and returns the result of what ran, marked
// Interrupted; that is no error.
//
// An error means that the flows make no sense or that a Sender was not made or
// not closed cleanly; in the latter case the result is there too.
func Run(ctx context.Context, o Options, flows ...Flow) (*Result, error) {
	r, err := newRun(o, flows)
	if err != nil {
		return nil, err
	}
	if err := r.hire(); err != nil {
		return nil, err
	}
	// In-flight requests outlive ctx by the settle time.
	sending, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	r.cancel = cancel
	r.startAll(sending)
	r.collect(ctx, sending)
	return r.result(), errors.Join(r.errs...)
}

func newRun(o Options, flows []Flow) (*run, error) {
	if len(flows) == 0 {
		return nil, errors.New("engine: no flow to run")
	}
	if o.Settle <= 0 {
		o.Settle = defaultSettle
	}
	r := &run{options: o, exited: make(chan *worker)}
	for i, f := range flows {
		f, err := f.withDefaults()
		if err != nil {
			return nil, fmt.Errorf("engine: flow %d %q: %w", i, f.Name, err)
		}
		r.flows = append(r.flows, &flow{Flow: f, run: r, tally: newTally(f)})
	}
	return r, nil
}
