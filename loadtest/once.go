package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/provingground/provingground/deploy/local/server"
	"github.com/provingground/provingground/deploy/local/stack"
	"github.com/provingground/provingground/loadtest/judge"
)

const (
	startTimeout = 10 * time.Minute // a first run installs and compiles
	judgeTimeout = 3 * time.Minute
	closeTimeout = 30 * time.Second
)

// once starts a private stack, puts the load on it, judges, and writes the report.
func once(ctx context.Context, o options, out io.Writer) (verdict judge.Verdict, err error) {
	s, err := start(ctx, o, out)
	if err != nil {
		return judge.Fail, err
	}
	defer func() {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
		defer cancel()
		err = errors.Join(err, s.Close(closing))
	}()

	r := &attempt{options: o, stack: s, out: out}
	if err := r.prepare(ctx); err != nil {
		return judge.Fail, err
	}
	// The balancer and the follow-ups outlive the load: an interrupted run is judged, too.
	watching, stop := context.WithCancel(context.WithoutCancel(ctx))
	var watchers sync.WaitGroup
	watchers.Go(func() { r.driver.Watch(watching) })
	for _, front := range r.setup.Front {
		watchers.Go(func() { front.Run(watching) })
	}
	defer watchers.Wait()
	defer stop()

	if err := r.load(ctx); err != nil {
		return judge.Fail, err
	}
	judging, cancel := context.WithTimeout(context.WithoutCancel(ctx), judgeTimeout)
	defer cancel()
	checks, err := r.judge(judging)
	if err != nil {
		return judge.Fail, fmt.Errorf("not settled: %w", err)
	}
	return r.report(checks)
}

func start(ctx context.Context, o options, out io.Writer) (*stack.Stack, error) {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	cloud, err := server.Open(ctx, server.Options{Out: out})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errUsage, err)
	}
	return stack.Start(ctx, stack.Options{Scenario: o.scenario, Cloud: cloud, Edits: o.edits, Env: o.planned().Env, Out: out})
}
