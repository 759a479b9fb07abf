package drills

import (
	"context"
	"fmt"
	"slices"
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
	servers := len(d.Servers) > 0 && len(d.Operations) > 0
	if !servers && len(d.Bindings) == 0 || d.Lasts <= 0 {
		return nil, fmt.Errorf("drill lostack of %s needs servers with operations, or bindings, and a time in the catalogue", s.Scenario.Slug)
	}
	if servers && s.Detour == nil {
		return nil, fmt.Errorf("drill lostack of %s: its servers are not behind fault proxies", s.Scenario.Slug)
	}
	l := &losses{drill: d, setup: s}
	begin := s.FaultBegins()
	names := strings.Join(slices.Concat(d.Servers, d.Bindings), " and ")
	return &trial.Drill{
		Steps: []faults.Step{
			{At: begin, Name: names + ": answers are lost", Do: func(ctx context.Context) error { return l.begin(ctx) }},
			{At: begin + d.Lasts, Name: names + ": answers arrive again", Do: func(ctx context.Context) error { return l.end(ctx) }},
		},
		Judge: l.judge,
	}, nil
}

// losses are the faults of a lostack drill.
type losses struct {
	drill    scenarios.Drill
	setup    trial.Setup
	injected []*proxy.Injected
	bound    int // of bindings, when it is over
}

func (l *losses) begin(ctx context.Context) error {
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
	_, err := Bind(ctx, l.drill, l.setup, Fault{Effect: "lost", Share: lostShare})
	return err
}

func (l *losses) end(ctx context.Context) (err error) {
	for _, in := range l.injected {
		in.Remove()
	}
	l.bound, err = Bind(ctx, l.drill, l.setup, Fault{Effect: "none"})
	return err
}

func (l *losses) judge(o trial.Observed) []judge.Check {
	lost := l.bound
	for _, in := range l.injected {
		lost += in.Hits()
	}
	checks := []judge.Check{judge.Checkf("lost answers", lost > 0, "%d answers were lost after the operation was executed", lost)}
	for _, f := range o.Flows {
		checks = append(checks, judge.NoErrors(f))
	}
	return append(checks, o.Recovered())
}
