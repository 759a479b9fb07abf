package webhooks

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/provingground/provingground/deploy/local/stack"
	"github.com/provingground/provingground/loadtest/faults"
	"github.com/provingground/provingground/loadtest/faults/detour"
	"github.com/provingground/provingground/loadtest/faults/proxy"
	"github.com/provingground/provingground/loadtest/faults/proxy/pubsub"
	"github.com/provingground/provingground/loadtest/judge"
	"github.com/provingground/provingground/loadtest/trial"
	"github.com/provingground/provingground/scenarios"
)

// Drill implements [trial.Driver].
func (d *Driver) Drill(drill scenarios.Drill) (*trial.Drill, error) {
	begin := d.setup.FaultBegins()
	t := timeline{begin, begin + drill.Lasts}
	switch drill.Name {
	case "processor-killed":
		return d.killed(t), nil
	case "publish-fails":
		return d.publishFails(drill, t)
	case "key-rotated":
		turn := func(to int32) func(context.Context) error {
			return func(context.Context) error { d.mischief.rotation.Store(to); return nil }
		}
		return t.drill("the provider signs with both keys", turn(1), "it signs with the next one alone", turn(2), unharmed), nil
	case "same-event":
		return d.sameEvent(t), nil
	case "bad-signatures":
		return d.besides(t, "as many forged events arrive", 50, d.forge), nil
	case "slow-bodies":
		return d.besides(t, "200 senders drip their bodies, and some send 10 MB", 200, d.drip), nil
	case "replayed":
		return d.replayed(t), nil
	}
	return nil, fmt.Errorf("unknown drill %q", drill.Name)
}

// timeline is when a fault begins and ends.
type timeline struct{ begin, end time.Duration }

func (t timeline) drill(begins string, begin func(context.Context) error, ends string, end func(context.Context) error, checks func(trial.Observed) []judge.Check) *trial.Drill {
	return &trial.Drill{
		Steps: []faults.Step{{At: t.begin, Name: begins, Do: begin}, {At: t.end, Name: ends, Do: end}},
		Judge: checks,
	}
}

// unharmed wants that the load does not notice.
func unharmed(o trial.Observed) []judge.Check {
	return []judge.Check{judge.NoErrors(o.Main()), judge.Latency(o.Main(), o.TargetP99), o.Recovered()}
}

func (d *Driver) killed(t timeline) *trial.Drill {
	victim := d.first("processor")
	plan := t.drill("a processor is killed", func(context.Context) error { return victim.Kill() }, "it is back", victim.Start,
		func(o trial.Observed) []judge.Check {
			return []judge.Check{judge.NoErrors(o.Main()), o.Recovered(), d.judgeCatchUp(o)}
		})
	plan.Kills = 1
	return plan
}

func (d *Driver) first(name string) *stack.Instance {
	for _, in := range d.setup.Stack.Instances {
		if in.Role == name {
			return in
		}
	}
	return nil
}

// judgeCatchUp wants the target of the processing to hold again for the events
// that were acknowledged after fault and recovery time.
func (d *Driver) judgeCatchUp(o trial.Observed) judge.Check {
	_, end := o.Fault()
	return d.judgeProcessed("catch-up", d.lags(end+o.Recovery, forever))
}

// publishFails has Pub/Sub answer every publish with Unavailable, which clients
// repeat until their time is up: then the key is blocked.
func (d *Driver) publishFails(drill scenarios.Drill, t timeline) (*trial.Drill, error) {
	if d.setup.Detour == nil || len(drill.Operations) != 1 {
		return nil, fmt.Errorf("drill %s needs its server behind a fault proxy, and one operation", drill.Name)
	}
	failing, err := d.setup.Detour.Switch(drill.Servers[0], proxy.Fault{On: proxy.Match{Operation: drill.Operations[0]}, Effect: pubsub.Fail(codes.Unavailable)})
	if err != nil {
		return nil, err
	}
	return t.drill("Pub/Sub takes nothing", failing.On, "it takes everything again", failing.Off, func(o trial.Observed) []judge.Check {
		return []judge.Check{d.judgeBlocked(o, failing), d.judgeHot(o), o.Recovered(), d.judgeCatchUp(o)}
	}), nil
}

// judgeBlocked wants to have seen what the drill is about: keys that were blocked
// and resumed.
func (d *Driver) judgeBlocked(o trial.Observed, failing *detour.Switch) judge.Check {
	resumed := o.End["webhooks_resumed_total"] - o.Before["webhooks_resumed_total"]
	return judge.Checkf("blocked keys", failing.Hits() > 0 && resumed > 0, "%d publishes failed, and %.0f times a key was blocked by the client and resumed", failing.Hits(), resumed)
}

// judgeHot wants the account that is always in use to go on soon after the end.
func (d *Driver) judgeHot(o trial.Observed) judge.Check {
	_, end := o.Fault()
	start := d.start()
	first := forever
	for _, s := range d.sent {
		if at := s.acked.Sub(start); s.event.account == d.hot() && at > end {
			first = min(first, at-end)
		}
	}
	return judge.Checkf("hot account", first <= o.Recovery, "the account whose publishes failed had its next event accepted %v after the fault (target %v)",
		first.Round(time.Millisecond), o.Recovery).Timed()
}

// start is when the first event was sent.
func (d *Driver) start() time.Time {
	first := time.Now()
	for _, s := range d.sent {
		if s.first.Before(first) {
			first = s.first
		}
	}
	return first
}

func (d *Driver) sameEvent(t timeline) *trial.Drill {
	turn := func(on bool) func(context.Context) error {
		return func(context.Context) error { d.mischief.tenfold.Store(on); return nil }
	}
	return t.drill("every tenth event arrives ten times at once", turn(true), "events arrive once again", turn(false), func(o trial.Observed) []judge.Check {
		return []judge.Check{
			judge.Checkf("copies", d.mischief.doubles.Load() > 0, "%d copies were acknowledged besides the first ones", d.mischief.doubles.Load()),
			judge.NoErrors(o.Main()), o.Recovered(), d.judgeCatchUp(o),
		}
	})
}

// besides runs something else beside the load, which must not notice.
func (d *Driver) besides(t timeline, what string, workers int, work func(context.Context, int)) *trial.Drill {
	pause := time.Duration(float64(workers) / d.setup.Rate * float64(time.Second))
	return t.drill(what, func(ctx context.Context) error { d.mischief.start(ctx, workers, pause, work); return nil },
		"that is over", func(context.Context) error { d.mischief.stopAll(); return nil },
		func(o trial.Observed) []judge.Check {
			good, bad := d.mischief.good.Load(), d.mischief.bad.Load()
			return append(unharmed(o), judge.Checkf("mischief", good > 0 && bad == 0, "%d were refused or cut off as they must be, %d were not", good, bad))
		})
}
