package edgeroom

import (
	"context"
	"fmt"
	"time"

	"github.com/provingground/provingground/loadtest/drills"
	"github.com/provingground/provingground/loadtest/faults"
	"github.com/provingground/provingground/loadtest/judge"
	"github.com/provingground/provingground/loadtest/trial"
	"github.com/provingground/provingground/scenarios"
)

// kills is how often the process dies in the drill of that name.
const kills = 3

// Drill implements [trial.Driver].
func (d *Driver) Drill(drill scenarios.Drill) (*trial.Drill, error) {
	begin := d.setup.FaultBegins()
	switch drill.Name {
	case "killed":
		return d.killDrill(begin, drill.Lasts), nil
	case "slow":
		return d.slowDrill(begin, begin+drill.Lasts), nil
	case "storm":
		return d.stormDrill(begin), nil
	case "colos":
		return d.colosDrill(drill, begin), nil
	case "clock":
		return d.clockDrill(begin, begin+drill.Lasts), nil
	}
	return nil, fmt.Errorf("unknown drill %q", drill.Name)
}

// killDrill kills the process under load and starts it again.
func (d *Driver) killDrill(begin, lasts time.Duration) *trial.Drill {
	victim := d.setup.Stack.Instances[0]
	var steps []faults.Step
	for i := range kills {
		at := begin + time.Duration(i)*lasts/kills
		steps = append(steps,
			faults.Step{At: at, Name: "workerd dies", Do: func(context.Context) error { return victim.Kill() }},
			faults.Step{At: at, Name: "it is back", Do: victim.Start})
	}
	return &trial.Drill{Kills: kills, Steps: steps, Judge: func(o trial.Observed) []judge.Check {
		return []judge.Check{d.judgeReturns(kills), o.Recovered()}
	}}
}

// judgeReturns wants every member to have come back so often.
func (d *Driver) judgeReturns(n int64) judge.Check {
	for _, m := range d.members {
		if back := m.joined.Load() - 1; back < n {
			return judge.Checkf("returns", false, "%s came back %d times, not %d", m.id, back, n)
		}
	}
	return judge.Checkf("returns", true, "each member came back %d times", n)
}

// slowDrill lets a member read nothing for a while.
func (d *Driver) slowDrill(begin, end time.Duration) *trial.Drill {
	m := d.members[0]
	deaf := func(is bool) func(context.Context) error {
		return func(context.Context) error {
			m.deaf.Store(is)
			return nil
		}
	}
	return &trial.Drill{
		Steps: []faults.Step{
			{At: begin, Name: "a member reads nothing", Do: deaf(true)},
			{At: end, Name: "it reads again", Do: deaf(false)},
		},
		Judge: func(o trial.Observed) []judge.Check {
			return []judge.Check{
				judge.Checkf("closed", m.slow.Load() > 0, "the member was closed %d times as too slow, and came back", m.slow.Load()).Timed(),
				judge.NoErrors(o.Main()), o.Recovered(),
			}
		},
	}
}

// stormDrill breaks all connections at once.
func (d *Driver) stormDrill(begin time.Duration) *trial.Drill {
	storm := func(context.Context) error {
		for _, m := range d.members {
			m.drop()
		}
		return nil
	}
	return &trial.Drill{
		Steps: []faults.Step{{At: begin, Name: fmt.Sprintf("%d members lose their connections", len(d.members)), Do: storm}},
		Judge: func(o trial.Observed) []judge.Check {
			return []judge.Check{d.judgeReturns(1), judge.NoErrors(o.Main()), o.Recovered()}
		},
	}
}

// colosDrill lets one of two colos hear later of what is written to KV. That changes
// nothing for counter and room.
func (d *Driver) colosDrill(drill scenarios.Drill, begin time.Duration) *trial.Drill {
	late := drill.Lasts / 4
	set := func(f drills.Fault) func(context.Context) error {
		return func(ctx context.Context) error {
			_, err := drills.Bind(ctx, drill, d.setup, f)
			return err
		}
	}
	return &trial.Drill{
		Steps: []faults.Step{
			{At: begin, Name: "a colo is behind", Do: set(drills.Fault{Effect: "late", Late: late.Milliseconds()})},
			{At: begin + drill.Lasts, Name: "all colos know the same", Do: set(drills.Fault{Effect: "none"})},
		},
		Judge: func(o trial.Observed) []judge.Check {
			return []judge.Check{d.judgeColos(late), judge.NoErrors(o.Main()), o.Recovered()}
		},
	}
}

// clockDrill puts the clocks of two members in three wrong, by a day: one is fast, one
// slow. They say so with each message.
func (d *Driver) clockDrill(begin, end time.Duration) *trial.Drill {
	set := func(wrong time.Duration) {
		for i, m := range d.members {
			m.fast.Store(int64(wrong) * int64(i%3-1))
		}
	}
	present := 0
	return &trial.Drill{
		Steps: []faults.Step{
			{At: begin, Name: "clocks of members are wrong", Do: func(context.Context) error {
				set(24 * time.Hour)
				return nil
			}},
			{At: end, Name: "they are right again", Do: func(ctx context.Context) (err error) {
				present, err = d.present(ctx)
				set(0)
				return err
			}},
		},
		Judge: func(o trial.Observed) []judge.Check {
			n := d.misled.Load()
			return []judge.Check{
				judge.Checkf("wrong clocks", n > 0, "%d messages were said with a time that is a day off", n),
				judge.Checkf("presence", present == len(d.members), "%d of %d members were present at the end of that", present, len(d.members)),
				judge.NoErrors(o.Main()), o.Recovered(),
			}
		},
	}
}
