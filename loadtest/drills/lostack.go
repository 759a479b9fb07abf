package drills

import (
	"context"
	"fmt"
	"strings"

	"github.com/provingground/provingground/loadtest/faults"
	"github.com/provingground/provingground/loadtest/faults/proxy"
	"github.com/provingground/provingground/loadtest/judge"
	"github.com/provingground/provingground/loadtest/trial"
	"github.com/provingground/provingground/scenarios"
)

// lostShare of the answers is lost: so many that every kind of operation loses
// some, and so few that a repetition usually gets its own.
const lostShare = 0.3

// lostack loses answers of operations that have an effect, after the server did
// what it was asked. Who repeats must not do it twice.
func lostack(d scenarios.Drill, s trial.Setup) (*trial.Drill, error) {
	if len(d.Servers) == 0 || len(d.Operations) == 0 || d.Lasts <= 0 {
		return nil, fmt.Errorf("drill lostack of %s needs servers, operations and a time in the catalogue", s.Scenario.Slug)
	}
	if s.Detour == nil {
		return nil, fmt.Errorf("drill lostack of %s: its servers are not behind fault proxies", s.Scenario.Slug)
	}
	l := &losses{drill: d, setup: s}
	begin := s.FaultBegins()
	names := strings.Join(d.Servers, " and ")
	return &trial.Drill{
		Steps: []faults.Step{
			{At: begin, Name: names + ": answers are lost", Do: func(context.Context) error { return l.begin() }},
			{At: begin + d.Lasts, Name: names + ": answers arrive again", Do: func(context.Context) error { return l.end() }},
		},
		Judge: l.judge,
	}, nil
}

// losses are the faults of a lostack drill.
type losses struct {
	drill    scenarios.Drill
	setup    trial.Setup
	injected []*proxy.Injected
}

func (l *losses) begin() error {
	for i, name := range l.drill.Servers {
		for j, operation := range l.drill.Operations {
			on := proxy.Match{Operation: operation, Probability: lostShare, Seed: uint64(i*len(l.drill.Operations) + j)}
			in, err := l.setup.Detour.Proxy(name).Inject(proxy.Fault{On: on, Effect: proxy.LoseAnswer()})
			if err != nil {
				return err
			}
			l.injected = append(l.injected, in)
		}
	}
	return nil
}

func (l *losses) end() error {
	for _, in := range l.injected {
		in.Remove()
	}
	return nil
}

func (l *losses) judge(o trial.Observed) []judge.Check {
	lost := 0
	for _, in := range l.injected {
		lost += in.Hits()
	}
	checks := []judge.Check{judge.Checkf("lost answers", lost > 0, "%d answers were lost after the operation was executed", lost)}
	for _, f := range o.Flows {
		checks = append(checks, judge.NoErrors(f))
	}
	return append(checks, o.Recovered())
}
