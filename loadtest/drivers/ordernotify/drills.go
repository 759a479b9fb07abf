package ordernotify

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/provingground/provingground/deploy/local/stack"
	"github.com/provingground/provingground/loadtest/faults"
	"github.com/provingground/provingground/loadtest/faults/proxy"
	"github.com/provingground/provingground/loadtest/faults/proxy/aws"
	"github.com/provingground/provingground/loadtest/judge"
	"github.com/provingground/provingground/loadtest/trial"
	"github.com/provingground/provingground/scenarios"
)

// Drill implements [trial.Driver].
func (d *Driver) Drill(drill scenarios.Drill) (*trial.Drill, error) {
	begin := d.setup.FaultBegins()
	end := begin + drill.Lasts
	switch drill.Name {
	case "inventory-down":
		all := d.instances("inventory")
		return &trial.Drill{
			Kills: 0, // of inventory: no mail is under way in it
			Steps: []faults.Step{
				{At: begin, Name: "both inventory processes are killed", Do: func(context.Context) error { return each(all, (*stack.Instance).Kill) }},
				{At: end, Name: "they are back", Do: func(ctx context.Context) error {
					return each(all, func(in *stack.Instance) error { return in.Start(ctx) })
				}},
			},
			Judge: func(o trial.Observed) []judge.Check {
				return []judge.Check{judge.NoErrors(o.Main()), d.judgeMailsMeanwhile(o), d.judgeCatchUp(o)}
			},
		}, nil
	case "email-killed":
		victim := d.instances("email")[0]
		return &trial.Drill{
			Kills: 1,
			Steps: []faults.Step{
				{At: begin, Name: "an email process is killed", Do: func(context.Context) error { return d.kill(victim) }},
				{At: end, Name: "it is back", Do: victim.Start},
			},
			Judge: func(o trial.Observed) []judge.Check {
				return []judge.Check{judge.NoErrors(o.Main()), d.judgeCatchUp(o)}
			},
		}, nil
	case "ses-lost", "topic-throttled":
		return d.wired(drill, begin, end)
	case "hot-product":
		d.hot = true
		return &trial.Drill{
			Steps: []faults.Step{{At: begin, Name: "all orders are for one product", Do: func(context.Context) error { return nil }}},
			Judge: func(o trial.Observed) []judge.Check {
				return []judge.Check{judge.NoErrors(o.Main()), judge.Latency(o.Main(), o.TargetP99), d.judgeEffects(d.lags(o.Main().WarmUp, forever))}
			},
		}, nil
	}
	return nil, fmt.Errorf("unknown drill %q", drill.Name)
}

// wired makes faults on the operations that the catalogue names.
func (d *Driver) wired(drill scenarios.Drill, begin, end time.Duration) (*trial.Drill, error) {
	if d.setup.Detour == nil || len(drill.Operations) != 1 {
		return nil, fmt.Errorf("drill %s needs its server behind a fault proxy, and one operation", drill.Name)
	}
	fault := proxy.Fault{On: proxy.Match{Operation: drill.Operations[0], Probability: 0.02, Seed: 1}, Effect: d.loseMail()}
	what := "answers of SES are lost after it accepted the mail"
	if drill.Name == "topic-throttled" {
		fault = proxy.Fault{On: proxy.Match{Operation: drill.Operations[0]}, Effect: aws.Throttle()}
		what = "the topic is throttled"
	}
	return &trial.Drill{
		Steps: []faults.Step{
			{At: begin, Name: what, Do: func(context.Context) (err error) {
				d.lost, err = d.setup.Detour.Proxy(drill.Servers[0]).Inject(fault)
				return err
			}},
			{At: end, Name: "that is over", Do: func(context.Context) error { d.lost.Remove(); return nil }},
		},
		Judge: func(o trial.Observed) []judge.Check {
			return []judge.Check{
				judge.Checkf("faults", d.lost.Hits() > 0, "%d calls were hit", d.lost.Hits()),
				judge.NoErrors(o.Main()), d.judgeCatchUp(o),
			}
		},
	}, nil
}

// kill ends an email process and notes when. Mails that it claims until then may
// be doubled.
func (d *Driver) kill(victim *stack.Instance) error {
	self := victim.Self()
	err := victim.Kill()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.deaths = append(d.deaths, death{self, time.Now()})
	return err
}

func (d *Driver) instances(name string) (all []*stack.Instance) {
	for _, in := range d.setup.Stack.Instances {
		if in.Role == name {
			all = append(all, in)
		}
	}
	return all
}

func each(all []*stack.Instance, do func(*stack.Instance) error) error {
	var errs []error
	for _, in := range all {
		errs = append(errs, do(in))
	}
	return errors.Join(errs...)
}

// judgeCatchUp wants the target of the effects to hold again for the orders that
// were acknowledged after fault and recovery time.
func (d *Driver) judgeCatchUp(o trial.Observed) judge.Check {
	_, end := o.Fault()
	l := d.lags(end+o.Recovery, forever)
	p99 := quantile(l.both, 0.99)
	return judge.Checkf("catch-up", len(l.both) > 0 && p99 < effectTarget, "from %v after the fault on, stock and first mail followed within %v at p99 (target %v)",
		o.Recovery, p99.Round(time.Millisecond), effectTarget).Timed()
}

// judgeMailsMeanwhile wants the mails of orders placed during the fault in time.
// Those of the last seconds meet the flood of the catch-up, which has its own limit.
func (d *Driver) judgeMailsMeanwhile(o trial.Observed) judge.Check {
	begin, end := o.Fault()
	l := d.lags(begin, end-effectTarget)
	p99 := quantile(l.mail, 0.99)
	return judge.Checkf("mails meanwhile", len(l.mail) > 0 && p99 < effectTarget, "while inventory was down the first mail followed within %v at p99 (target %v)", p99.Round(time.Millisecond), effectTarget).Timed()
}
