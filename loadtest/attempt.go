package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/provingground/provingground/loadtest/drills"
	"github.com/provingground/provingground/loadtest/drivers"
	"github.com/provingground/provingground/loadtest/engine"
	"github.com/provingground/provingground/loadtest/faults"
	"github.com/provingground/provingground/loadtest/judge"
	"github.com/provingground/provingground/loadtest/machine"
	"github.com/provingground/provingground/loadtest/report"
	"github.com/provingground/provingground/loadtest/trial"
	"github.com/provingground/provingground/scenarios"
)

// attempt is one run, from preparation to report.
type attempt struct {
	options
	scene  scene
	out    io.Writer
	setup  trial.Setup
	driver trial.Driver
	plan   *trial.Drill // nil without a drill

	reference, ownRate machine.Reference
	contrast           []report.Contrast
	window             window
	result             *engine.Result
	marks              []faults.Mark
	before, after, end trial.Metrics // around the fault, or else the measured phase; and when the load was over
}

// prepare fills the service and plans the drill.
func (a *attempt) prepare(ctx context.Context) (err error) {
	a.setup = trial.NewSetup(a.scenario, a.scene.stack, a.rate, a.records, a.warmUp, a.duration)
	a.setup.Detour = a.scene.detour
	drill := a.planned()
	a.setup.Drill = drill.Name
	if drill.Admits > 0 {
		a.setup.Arrivals = drills.OverloadArrivals(drill, a.setup)
	}
	if a.driver, err = drivers.New(a.setup); err != nil {
		return err
	}
	if err := a.driver.Prepare(ctx, a.made()); err != nil {
		return err
	}
	if drill.Name == "" {
		return nil
	}
	if a.plan, err = drills.Plan(drill, a.setup, a.driver); err != nil {
		return err
	}
	if a.plan.Before != nil {
		return a.plan.Before(ctx)
	}
	return nil
}

// planned returns the catalogue's entry of the drill, or none.
func (o options) planned() scenarios.Drill {
	for _, d := range o.scenario.Drills {
		if d.Name == o.drill {
			return trial.Shorten(d, o.duration)
		}
	}
	return scenarios.Drill{}
}

// made returns a function that says how far the preparation is, not too often.
func (a *attempt) made() func(done, of int) {
	last := time.Now()
	return func(done, of int) {
		if time.Since(last) > 2*time.Second || done == of {
			last = time.Now()
			fmt.Fprintf(a.out, "made %d of %d records\n", done, of)
		}
	}
}

// load measures the machine, then sends the load, with the drill's faults beside it.
func (a *attempt) load(ctx context.Context) error {
	if err := a.pace(ctx); err != nil {
		return err
	}
	if err := a.measureReference(ctx); err != nil {
		return err
	}
	if err := a.compare(ctx); err != nil {
		return err
	}
	begin := time.Now()
	a.window = window{attempt: a, warmUp: int(a.warmUp / time.Second), live: &report.Progress{
		W: a.out, Width: report.Terminal(a.file()), Color: report.Color(a.file()), Total: a.warmUp + a.duration,
	}}
	a.window.open(-1)
	faulting, stop := context.WithCancel(ctx)
	defer stop()
	broken := make(chan error, 1)
	go func() { broken <- a.breakIt(faulting, begin) }()
	result, err := engine.Run(ctx, engine.Options{Start: begin, Settle: 15 * time.Second, OnSecond: a.window.second}, a.driver.Flows()...)
	a.result = result
	if err != nil || result.Interrupted {
		stop() // faults after the end of the load would show nothing
	}
	if errBroken := <-broken; errBroken != nil && !errors.Is(errBroken, context.Canceled) {
		err = errors.Join(err, errBroken)
	}
	a.window.live.Clear()
	a.window.close()
	a.end = a.setup.Scrape(ctx)
	if len(a.marks) == 0 {
		a.after = a.end
	}
	return errors.Join(err, a.window.err)
}

// pace makes the load a share of what the service can do, where the target says so and
// the caller did not say how much it is to be.
func (a *attempt) pace(ctx context.Context) (err error) {
	driver, ok := a.driver.(trial.Paced)
	if !ok || a.plan != nil || a.untimed || a.rated {
		return nil
	}
	fmt.Fprintln(a.out, "measuring what the service can do at most …")
	if a.rate, err = driver.Pace(ctx); err != nil {
		return fmt.Errorf("what the service can do at most: %w", err)
	}
	fmt.Fprintf(a.out, "the load is %.0f/s\n", a.rate)
	return nil
}

// measureReference says how fast a bare server is on this machine in this minute.
func (a *attempt) measureReference(ctx context.Context) error {
	if a.untimed {
		return nil
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	if a.reference, err = machine.MeasureReference(ctx, self, "reference"); err != nil {
		return fmt.Errorf("reference server: %w", err)
	}
	fmt.Fprintf(a.out, "reference server at %.0f/s: p99 %v\n", a.reference.Rate, a.reference.P99)
	if a.ownRate, err = machine.MeasureReferenceAt(ctx, a.rate, self, "reference"); err != nil {
		return fmt.Errorf("reference server: %w", err)
	}
	return nil
}

// compare measures the system as it was beside the one that is, if the scenario
// has one, unless a drill is about the other.
func (a *attempt) compare(ctx context.Context) (err error) {
	driver, ok := a.driver.(trial.Baseline)
	if !ok || a.plan != nil {
		return nil
	}
	fmt.Fprintln(a.out, "before and after: the same load on the system as it was, and as it is …")
	if a.contrast, err = driver.Compare(ctx); err != nil {
		return fmt.Errorf("before and after: %w", err)
	}
	return nil
}

// breakIt takes the drill's steps and reads the service's counters around them.
func (a *attempt) breakIt(ctx context.Context, begin time.Time) (err error) {
	if a.plan == nil || len(a.plan.Steps) == 0 {
		a.before = a.setup.Scrape(ctx)
		return nil
	}
	steps := a.plan.Steps
	steps[0].Do = before(steps[0].Do, func() { a.before = a.setup.Scrape(ctx) })
	a.marks, err = faults.Run(ctx, begin, steps)
	a.after = a.setup.Scrape(ctx)
	return err
}

func before(do func(context.Context) error, first func()) func(context.Context) error {
	return func(ctx context.Context) error {
		first()
		return do(ctx)
	}
}

// judge checks guarantee, target and machine, in this order.
func (a *attempt) judge(ctx context.Context) []judge.Check {
	fmt.Fprintln(a.out, "comparing the ledger with what is there …")
	target := a.scenario.Target.P99
	o := trial.Observed{
		Flows: a.result.Flows, Marks: a.marks, Before: a.before, After: a.after, End: a.end,
		TargetP99: target, Recovery: a.planned().Recovery,
	}
	if a.plan != nil {
		o.Drill, o.Kills = true, a.plan.Kills
	}
	checks, err := a.driver.Judge(ctx, o)
	if err != nil {
		checks = append(checks, judge.Checkf("settled", false, "not settled: %v", err))
	}
	checks = append(checks, judge.Sent(o.Main()))
	if a.plan == nil {
		for _, f := range o.Flows {
			checks = append(checks, judge.NoErrors(f))
		}
		checks = append(checks, judge.Latency(o.Main(), target))
	} else {
		checks = append(checks, a.plan.Judge(o)...)
	}
	if a.untimed {
		return slices.DeleteFunc(checks, func(c judge.Check) bool { return c.Timing })
	}
	lag := o.Main().Lag.Quantile(0.99)
	if a.plan != nil {
		lag = judge.MedianLag(o.Main())
	}
	checks = append(checks, judge.Machine(lag, target, a.window.usage().Others, a.reference.P99)...)
	return judge.Excuse(checks)
}
