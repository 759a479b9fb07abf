package drills

import (
	"context"
	"fmt"

	"github.com/provingground/provingground/deploy/local/stack"
	"github.com/provingground/provingground/loadtest/faults"
	"github.com/provingground/provingground/loadtest/judge"
	"github.com/provingground/provingground/loadtest/trial"
	"github.com/provingground/provingground/scenarios"
)

// freeze stops a role's first process and continues it after every lease, lock
// and barrier it held has ended. What it then still wants to commit must be
// refused by the store; the ledger shows whether it was.
func freeze(d scenarios.Drill, s trial.Setup) (*trial.Drill, error) {
	victim := first(s.Stack, d.Role)
	if victim == nil || d.Lasts <= 0 {
		return nil, fmt.Errorf("drill freeze of %s needs a role and a time in the catalogue", s.Scenario.Slug)
	}
	begin := s.FaultBegins()
	name := fmt.Sprintf("%s %d", victim.Role, victim.Index)
	return &trial.Drill{
		Steps: []faults.Step{
			{At: begin, Name: name + " is frozen", Do: func(context.Context) error { return victim.Pause() }},
			{At: begin + d.Lasts, Name: name + " wakes up", Do: func(context.Context) error { return victim.Resume() }},
		},
		Judge: func(o trial.Observed) []judge.Check { return []judge.Check{o.Recovered()} },
	}, nil
}

func first(s *stack.Stack, role string) *stack.Instance {
	for _, in := range s.Instances {
		if in.Role == role {
			return in
		}
	}
	return nil
}
