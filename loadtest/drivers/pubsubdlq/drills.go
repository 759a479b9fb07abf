package pubsubdlq

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/provingground/provingground/deploy/local/stack"
	"github.com/provingground/provingground/loadtest/faults"
	"github.com/provingground/provingground/loadtest/judge"
	"github.com/provingground/provingground/loadtest/trial"
	"github.com/provingground/provingground/scenarios"
)

// Drill implements [trial.Driver].
func (d *Driver) Drill(drill scenarios.Drill) (*trial.Drill, error) {
	begin := d.setup.FaultBegins()
	end := begin + drill.Lasts
	switch drill.Name {
	case "subscriber-killed":
		victim := d.first("subscriber")
		return &trial.Drill{
			Kills: 1,
			Steps: []faults.Step{
				{At: begin, Name: "a subscriber is killed", Do: func(context.Context) error { return victim.Kill() }},
				{At: end, Name: "it is back", Do: victim.Start},
			},
			Judge: func(o trial.Observed) []judge.Check { return []judge.Check{judge.NoErrors(o.Main())} },
		}, nil
	case "burst":
		return &trial.Drill{
			Steps: []faults.Step{
				{At: begin, Name: "every event is poison", Do: func(context.Context) error { d.allPoison.Store(true); return nil }},
				{At: end, Name: "one of a hundred is", Do: func(context.Context) error { d.allPoison.Store(false); return nil }},
			},
			Judge: func(o trial.Observed) []judge.Check {
				_, end := o.Fault()
				return []judge.Check{judge.NoErrors(o.Main()), d.judgeLag("behind the burst", d.lags(end, end+o.Recovery))}
			},
		}, nil
	case "no-subscription":
		return d.noSubscription(begin, end), nil
	case "redrive-twice":
		return d.redriveTwice(begin, end), nil
	}
	return nil, fmt.Errorf("unknown drill %q", drill.Name)
}

func (d *Driver) first(role string) *stack.Instance {
	for _, in := range d.setup.Stack.Instances {
		if in.Role == role {
			return in
		}
	}
	return nil
}

// noSubscription sends no poison: what would be buried meanwhile would be lost.
func (d *Driver) noSubscription(begin, end time.Duration) *trial.Drill {
	victim := d.first("subscriber")
	return &trial.Drill{
		Before: func(context.Context) error { d.noPoison.Store(true); return nil },
		Steps: []faults.Step{
			{At: begin, Name: "the dead-letter topic loses its subscriptions", Do: func(ctx context.Context) error { return d.subscriptions(ctx, false) }},
			{At: begin, Name: "a subscriber stops", Do: victim.Stop},
			{At: begin, Name: "it refuses to start", Do: func(ctx context.Context) error { d.refusal = victim.Start(ctx); return nil }},
			{At: end, Name: "the subscriptions are back", Do: func(ctx context.Context) error { return d.subscriptions(ctx, true) }},
			{At: end, Name: "it starts", Do: victim.Start},
		},
		Judge: func(o trial.Observed) []judge.Check {
			refused := d.refusal != nil && strings.Contains(d.refusal.Error(), "no subscription")
			return []judge.Check{judge.Checkf("refused", refused, "a subscriber that starts without a subscription of the dead-letter topic ends: %.200v", d.refusal), judge.NoErrors(o.Main())}
		},
	}
}

func (d *Driver) subscriptions(ctx context.Context, there bool) error {
	client, err := d.client(ctx)
	if err != nil {
		return err
	}
	defer client.Close()
	do := dropSubscription
	if there {
		do = makeSubscription
	}
	return errors.Join(do(ctx, client, deadSubscription), do(ctx, client, judgeSubscription))
}

// redriveTwice sends letters back into the broken consumer, mends it, and asks twice
// for each redrive, and once more under another name.
func (d *Driver) redriveTwice(begin, end time.Duration) *trial.Drill {
	name := func(what string) string { return d.run + "-" + what }
	redriven := func(ctx context.Context, what, reason string) error {
		for process := range 2 {
			if _, err := d.redrive(ctx, process, name(what), reason); err != nil {
				return err
			}
		}
		if _, err := d.redrive(ctx, 0, name(what+"-again"), reason); err != nil {
			return err
		}
		for _, each := range []string{what, what + "-again"} {
			r, err := d.awaitRedrive(ctx, name(each))
			if err != nil {
				return err
			}
			d.redrives = append(d.redrives, r)
		}
		return nil
	}
	return &trial.Drill{
		Steps: []faults.Step{
			// A short run at a low rate would have too few letters to stop at the first.
			{At: begin, Name: "every event is poison", Do: func(context.Context) error { d.allPoison.Store(true); return nil }},
			{At: begin + d.arrivals(6*int(kinds-1)), Name: "no more poison is sent", Do: func(context.Context) error { d.noPoison.Store(true); return nil }},
			// What was sent until now has died by then.
			{At: begin + (end-begin)*2/3, Name: "the letters go to a consumer that is still broken", Do: func(ctx context.Context) error { return redriven(ctx, "broken", unknown.reason()) }},
			{At: begin + (end-begin)*2/3, Name: "the accounts are set right", Do: d.mend},
			{At: begin + (end-begin)*2/3, Name: "those of unknown accounts go back", Do: func(ctx context.Context) error { return redriven(ctx, "unknown", unknown.reason()) }},
			{At: begin + (end-begin)*2/3, Name: "those of accounts without a price go back", Do: func(ctx context.Context) error { return redriven(ctx, "unpriced", unpriced.reason()) }},
		},
		Judge: func(o trial.Observed) []judge.Check { return append(d.judgeRedrives(), judge.NoErrors(o.Main())) },
	}
}

// arrivals returns how long n events take.
func (d *Driver) arrivals(n int) time.Duration {
	return time.Duration(float64(n) / d.setup.Rate * float64(time.Second))
}

func (d *Driver) judgeRedrives() []judge.Check {
	if len(d.redrives) != 6 {
		return []judge.Check{judge.Checkf("redrives", false, "%d of 6 redrives ended", len(d.redrives))}
	}
	broken, unknown, unpriced := d.redrives[0], d.redrives[2], d.redrives[4]
	again := d.redrives[3].Letters + d.redrives[5].Letters
	left := 0
	for id, s := range d.acked() {
		if s.kind.mendable() && d.effects.charges[id] != 1 {
			left++
		}
	}
	return []judge.Check{
		judge.Checkf("stops by itself", broken.State == "stopped" && broken.Letters > 1 && broken.Died == 1 && broken.Taken == 0,
			"of %d letters the redrive sent %d into the broken consumer and %s", broken.Letters, broken.Died+broken.Taken, broken.State),
		judge.Checkf("redriven once", unknown.Taken == unknown.Letters && unpriced.Taken == unpriced.Letters && again == 0 && left == 0,
			"asked for twice and once more under another name, %d and %d letters were sent back and %d and %d taken; %d events are not charged once",
			unknown.Letters, unpriced.Letters, unknown.Taken, unpriced.Taken, left),
	}
}
