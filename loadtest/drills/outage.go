package drills

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/provingground/provingground/loadtest/faults"
	"github.com/provingground/provingground/loadtest/judge"
	"github.com/provingground/provingground/loadtest/trial"
	"github.com/provingground/provingground/scenarios"
)

// outage lets servers stand still together. That is the worst kind of away:
// connections stay open and nothing answers.
func outage(d scenarios.Drill, s trial.Setup) (*trial.Drill, error) {
	if len(d.Servers)+len(d.Bindings) == 0 || d.Lasts <= 0 {
		return nil, fmt.Errorf("drill outage of %s needs servers or bindings, and a time in the catalogue", s.Scenario.Slug)
	}
	begin := s.FaultBegins()
	each := func(do func(name string) error, bound Fault) func(context.Context) error {
		return func(ctx context.Context) error {
			for _, name := range d.Servers {
				if err := do(name); err != nil {
					return err
				}
			}
			_, err := Bind(ctx, d, s, bound)
			return err
		}
	}
	names := strings.Join(slices.Concat(d.Servers, d.Bindings), " and ")
	return &trial.Drill{
		Steps: []faults.Step{
			{At: begin, Name: names + ": stands still", Do: each(func(name string) error { return s.Stack.Servers.Get(name).Pause() }, Fault{Effect: "away"})},
			{At: begin + d.Lasts, Name: names + ": goes on", Do: each(func(name string) error { return s.Stack.Servers.Get(name).Resume() }, Fault{Effect: "none"})},
		},
		Judge: func(o trial.Observed) []judge.Check { return []judge.Check{o.Recovered()} },
	}, nil
}
