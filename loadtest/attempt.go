package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/provingground/provingground/deploy/local/stack"
	"github.com/provingground/provingground/loadtest/drivers/urlshortener"
	"github.com/provingground/provingground/loadtest/engine"
	"github.com/provingground/provingground/loadtest/faults"
	"github.com/provingground/provingground/loadtest/judge"
	"github.com/provingground/provingground/loadtest/machine"
	"github.com/provingground/provingground/loadtest/report"
)

const writesPerRedirect = 0.005 // 50/s beside 10,000/s

// attempt is one run, from preparation to report.
type attempt struct {
	options
	stack  *stack.Stack
	out    io.Writer
	driver *urlshortener.Driver
	drill  *urlshortener.Drill // nil without a drill

	reference     machine.Reference
	window        window
	result        *engine.Result
	marks         []faults.Mark
	before, after urlshortener.Metrics // around the fault, or else the measured phase
}

// prepare fills the service and plans the drill.
func (a *attempt) prepare(ctx context.Context) (err error) {
	if a.options.drill == "viral" {
		a.warmUp = 0 // cold caches are the point
	}
	cfg := urlshortener.Config{
		AdminToken: a.stack.Env["ADMIN_TOKEN"],
		Env:        a.stack.Env,
		Rate:       a.rate,
		Writes:     max(1, a.rate*writesPerRedirect),
		Links:      a.links,
		WarmUp:     a.warmUp,
		Duration:   a.duration,
	}
	for _, instance := range a.stack.Instances {
		cfg.URLs = append(cfg.URLs, instance.URL)
		cfg.AdminURLs = append(cfg.AdminURLs, instance.AdminURL)
	}
	if a.driver, err = urlshortener.New(cfg); err != nil {
		return err
	}
	if err := a.driver.Prepare(ctx, a.made()); err != nil {
		return err
	}
	return a.plan(ctx)
}

// made returns a function that says how far the preparation is, not too often.
func (a *attempt) made() func(done, of int) {
	last := time.Now()
	return func(done, of int) {
		if time.Since(last) > 2*time.Second || done == of {
			last = time.Now()
			fmt.Fprintf(a.out, "made %d of %d links\n", done, of)
		}
	}
}

func (a *attempt) plan(ctx context.Context) (err error) {
	for _, d := range a.scenario.Drills {
		if d.Name != a.options.drill {
			continue
		}
		if a.drill, err = a.driver.Drill(d.Name, a.stack, d.Recovery); err != nil {
			return err
		}
	}
	if a.options.drill == "viral" {
		return a.driver.Chill(ctx, a.stack)
	}
	return nil
}

// load measures the machine, then sends the load, with the drill's faults beside it.
func (a *attempt) load(ctx context.Context) error {
	if err := a.measureReference(ctx); err != nil {
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
	if len(a.marks) == 0 {
		a.after = a.driver.Scrape(ctx)
	}
	return errors.Join(err, a.window.err)
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
	return nil
}

// breakIt takes the drill's steps and reads the service's counters around them.
func (a *attempt) breakIt(ctx context.Context, begin time.Time) (err error) {
	if a.drill == nil || len(a.drill.Steps) == 0 {
		a.before = a.driver.Scrape(ctx)
		return nil
	}
	steps := a.drill.Steps
	steps[0].Do = before(steps[0].Do, func() { a.before = a.driver.Scrape(ctx) })
	a.marks, err = faults.Run(ctx, begin, steps)
	a.after = a.driver.Scrape(ctx)
	return err
}

func before(do func(context.Context) error, first func()) func(context.Context) error {
	return func(ctx context.Context) error {
		first()
		return do(ctx)
	}
}

// judge checks guarantee, target and machine, in this order.
func (a *attempt) judge(ctx context.Context) ([]judge.Check, error) {
	fmt.Fprintln(a.out, "comparing the ledger with what is there …")
	kills := 0
	if a.drill != nil {
		kills = a.drill.Kills
	}
	checks, err := a.driver.Judge(ctx, a.driver.Scrape(ctx).Disturbance(kills))
	if err != nil {
		return nil, err
	}
	redirects := a.result.Flows[0]
	target := a.scenario.Target.P99
	if a.drill == nil {
		checks = append(checks, judge.Sent(redirects), judge.NoErrors(redirects), judge.NoErrors(a.result.Flows[1]), judge.Latency(redirects, target))
	} else {
		checks = append(checks, judge.Sent(redirects))
		checks = append(checks, a.drill.Judge(urlshortener.Observed{
			Redirects: redirects, Marks: a.marks, TargetP99: target, Before: a.before, After: a.after, Recovery: a.drill.Recovery,
		})...)
	}
	if a.untimed {
		return slices.DeleteFunc(checks, func(c judge.Check) bool { return c.Timing }), nil
	}
	checks = append(checks, judge.Machine(redirects.Lag.Quantile(0.99), target, a.window.usage().Others, a.reference.P99)...)
	return judge.Excuse(checks), nil
}
