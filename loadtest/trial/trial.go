// Package trial is what the load test and its drivers agree on: a [Driver]
// knows one scenario by its public API, and the load test runs any of them.
//
// The order of a run: New, Prepare, then Flows with Watch beside them, Judge.
// A drill adds faults on a timeline, its own or one of the five that every
// scenario has.
package trial

import (
	"context"
	"time"

	"github.com/provingground/provingground/deploy/local/stack"
	"github.com/provingground/provingground/loadtest/balancer"
	"github.com/provingground/provingground/loadtest/engine"
	"github.com/provingground/provingground/loadtest/faults/detour"
	"github.com/provingground/provingground/loadtest/judge"
	"github.com/provingground/provingground/loadtest/report"
	"github.com/provingground/provingground/scenarios"
)

// A Driver puts load on one scenario and checks what it promised. It looks into
// the stores only to see where effects happened.
type Driver interface {
	// Prepare makes the records that the load asks for, and tells how far it is.
	Prepare(ctx context.Context, progress func(done, of int)) error

	// Flows returns the load. The first flow is the one that the target speaks of.
	Flows() []engine.Flow

	// Watch follows up on what was acknowledged until ctx ends.
	Watch(ctx context.Context)

	// Judge waits until everything that was asked for has settled, and compares
	// the ledger with the effects. Its error means that it did not settle.
	Judge(ctx context.Context, o Observed) ([]judge.Check, error)

	// Facts are figures that only this scenario knows, from the processes' own
	// counters before and after the measured phase.
	Facts(before, after Metrics, seconds float64) []report.Fact

	// Drill plans a drill that is the scenario's own.
	Drill(d scenarios.Drill) (*Drill, error)

	// Next returns the edits that make the next version of the roles: a change of
	// what is stored or sent, as releases bring, that both versions must live with.
	Next() []stack.Edit
}

// A Baseline is a driver whose question describes a system that fails. That
// system runs beside the one that answers the question, in roles of its own, and
// the same run measures both.
type Baseline interface {
	Driver

	// Compare puts the same load on both systems, one after the other, and returns
	// the figures side by side. It comes after the preparation.
	Compare(ctx context.Context) ([]report.Contrast, error)
}

// A Paced is a driver whose load is a share of what the service can do at most.
type Paced interface {
	Driver

	// Pace measures that, and returns the rate of the first flow from then on. It
	// comes after the preparation, with Watch beside it.
	Pace(ctx context.Context) (perSecond float64, err error)
}

// A Sampler is a driver that knows how figures inside the system went.
type Sampler interface {
	Driver

	// Sampled returns them, from the start of the load. It comes after Judge.
	Sampled() []report.Sampled
}

// Setup is what a driver is made from: the running scenario, and how much load.
type Setup struct {
	Scenario scenarios.Scenario
	Stack    *stack.Stack
	Front    map[string]*balancer.Balancer // by role, watching all its processes
	Detour   *detour.Detour                // the fault proxies that the roles are sent through; nil without

	Rate     float64 // arrivals per second of the first flow
	Records  int     // to prepare
	Drill    string  // what is broken on purpose; empty in a load
	WarmUp   time.Duration
	Duration time.Duration // measured

	// Arrivals returns the schedule of a flow with the given rate, over warm-up
	// and measured time. Most runs have an even one; an overload has a peak.
	Arrivals func(rate float64) engine.Schedule
}

// NewSetup returns the setup of an even load on a running scenario.
func NewSetup(sc scenarios.Scenario, s *stack.Stack, rate float64, records int, warmUp, duration time.Duration) Setup {
	setup := Setup{
		Scenario: sc, Stack: s, Front: map[string]*balancer.Balancer{},
		Rate: rate, Records: records, WarmUp: warmUp, Duration: duration,
		Arrivals: func(rate float64) engine.Schedule {
			return engine.Constant{Rate: rate, Duration: warmUp + duration}
		},
	}
	for _, role := range sc.Roles {
		setup.Front[role.Name] = balancer.New(setup.URLs(role.Name)...)
	}
	return setup
}

// URLs returns the public addresses of a role's processes.
func (s Setup) URLs(role string) []string {
	var urls []string
	for _, in := range s.Stack.Instances {
		if in.Role == role {
			urls = append(urls, in.URL)
		}
	}
	return urls
}

// AdminURLs returns the administration addresses of a role's processes.
func (s Setup) AdminURLs(role string) []string {
	var urls []string
	for _, in := range s.Stack.Instances {
		if in.Role == role {
			urls = append(urls, in.AdminURL)
		}
	}
	return urls
}

// Env returns the roles' settings, with the addresses of the servers themselves
// where the roles are sent through a fault proxy: what judges is never broken.
func (s Setup) Env() map[string]string {
	if s.Stack.Servers == nil {
		return s.Stack.Env
	}
	return detour.Direct(s.Stack.Env, s.Stack.Servers)
}
