package drills

import (
	"context"
	"fmt"
	"time"

	"github.com/provingground/provingground/deploy/local/stack"
	"github.com/provingground/provingground/loadtest/faults"
	"github.com/provingground/provingground/loadtest/judge"
	"github.com/provingground/provingground/loadtest/trial"
	"github.com/provingground/provingground/scenarios"
)

// deploy replaces one process after the other by the next version while the rest
// serve, so that both versions share the stores for a while. A role that runs once
// is away meanwhile: its callers wait, and must have their answers then.
func deploy(d scenarios.Drill, s trial.Setup, next []stack.Edit) *trial.Drill {
	var steps []faults.Step
	at := s.FaultBegins()
	for _, in := range s.Stack.Instances {
		if role := s.Scenario.Role(in.Role); role.Before || role.StandIn || in.Spare {
			continue
		}
		name := fmt.Sprintf("%s %d", in.Role, in.Index)
		front := s.Front[in.Role]
		steps = append(steps,
			faults.Step{At: at, Name: name + " drains and stops", Do: in.Stop},
			faults.Step{At: at, Name: name + " starts, in its next version", Do: in.Upgrade},
			faults.Step{At: at, Name: "the balancer takes it back", Do: func(ctx context.Context) error { return awaitReady(ctx, front.Ready, in.Index) }},
		)
	}
	return &trial.Drill{
		Before: func(ctx context.Context) error { return s.Stack.BuildNext(ctx, next...) },
		Steps:  steps,
		Judge:  func(o trial.Observed) []judge.Check { return judgeDeploy(d, o) },
	}
}

// awaitReady waits for the balancer: replacing the next process earlier would
// leave nobody to serve.
func awaitReady(ctx context.Context, ready func(int) bool, process int) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !ready(process) {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
	return nil
}

func judgeDeploy(d scenarios.Drill, o trial.Observed) []judge.Check {
	var checks []judge.Check
	for _, f := range o.Flows {
		checks = append(checks, judge.NoErrors(f))
	}
	if d.Recovery > 0 {
		return append(checks, o.Recovered())
	}
	return append(checks, judge.Latency(o.Main(), o.TargetP99))
}
