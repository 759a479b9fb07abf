package orderprocessor

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

// Drill implements [trial.Driver].
func (d *Driver) Drill(drill scenarios.Drill) (*trial.Drill, error) {
	begin := d.setup.FaultBegins()
	end := begin + drill.Lasts
	switch drill.Name {
	case "processor-killed":
		return d.killed(begin, end), nil
	case "lock-lost":
		return d.lockLost(begin, end), nil
	case "broker-killed":
		return d.brokerKilled(begin, end), nil
	case "hog":
		return d.hog(begin, end), nil
	}
	return nil, fmt.Errorf("unknown drill %q", drill.Name)
}

func (d *Driver) killed(begin, end time.Duration) *trial.Drill {
	victim := d.first(processor)
	return &trial.Drill{
		Kills: 1,
		Steps: []faults.Step{
			{At: begin, Name: "a processor is killed", Do: func(context.Context) error { return victim.Kill() }},
			{At: end, Name: "it is back", Do: victim.Start},
		},
		Judge: func(o trial.Observed) []judge.Check {
			return []judge.Check{judge.NoErrors(o.Main()), o.Recovered(), d.judgeCatchUp(o)}
		},
	}
}

// lockLost freezes a processor that waits for the answers of storage, lets storage do
// what it was asked, and wakes the processor when its sessions are somebody else's.
func (d *Driver) lockLost(begin, end time.Duration) *trial.Drill {
	victim, tables := d.first(processor), d.setup.Stack.Servers.Get("tables")
	const between = time.Second
	const lost = `orderprocessor_messages_total{outcome="lost"}`
	return &trial.Drill{
		Steps: []faults.Step{
			{At: begin, Name: "Table storage keeps everybody waiting", Do: func(context.Context) error { return tables.Pause() }},
			{At: begin + between, Name: "a processor that waits for it stands still", Do: func(context.Context) error { return victim.Pause() }},
			{At: begin + 2*between, Name: "Table storage does what it was asked", Do: func(context.Context) error { return tables.Resume() }},
			{At: end, Name: "the processor wakes up without its locks", Do: func(context.Context) error { return victim.Resume() }},
		},
		Judge: func(o trial.Observed) []judge.Check {
			n, repeated := o.End[lost]-o.Before[lost], o.End[`orderprocessor_orders_total{result="repeated"}`]-o.Before[`orderprocessor_orders_total{result="repeated"}`]
			return []judge.Check{
				judge.Checkf("locks", n > 0, "%.0f orders were lost to others while they were processed; %.0f of all were found processed by then", n, repeated),
				judge.NoErrors(o.Main()), o.Recovered(), d.judgeCatchUp(o),
			}
		},
	}
}

func (d *Driver) brokerKilled(begin, end time.Duration) *trial.Drill {
	broker := d.setup.Stack.Servers.Get("servicebus")
	return &trial.Drill{
		Steps: []faults.Step{
			{At: begin, Name: "Service Bus is killed", Do: func(context.Context) error { return broker.Kill() }},
			{At: end, Name: "it is back", Do: broker.Restart},
		},
		Judge: func(o trial.Observed) []judge.Check {
			w := judge.During(o.Main(), begin, end)
			return []judge.Check{
				judge.Checkf("away", w.OK < w.Intended, "%d of %d orders were accepted at once while the broker was away", w.OK, w.Intended).Timed(),
				o.Recovered(), d.judgeCatchUp(o),
			}
		},
	}
}

// hog has one customer send as much as two processes admit of it.
func (d *Driver) hog(begin, end time.Duration) *trial.Drill {
	return &trial.Drill{
		Steps: []faults.Step{
			{At: begin, Name: "one customer sends as much as it may", Do: func(ctx context.Context) error { d.startHog(context.WithoutCancel(ctx)); return nil }},
			{At: end, Name: "that is over", Do: func(context.Context) error { d.hogging.Store(false); d.beside.Wait(); return nil }},
		},
		Judge: func(o trial.Observed) []judge.Check {
			begin, end := o.Fault()
			all := d.lags(begin, end, func(o order) bool { return o.customer != d.hogName() })
			own := d.lags(begin, end, func(o order) bool { return o.customer == d.hogName() })
			p99 := quantile(all, 0.99)
			return []judge.Check{
				judge.Checkf("hog", len(own) > 0, "%d orders of the busy customer were accepted beside the load", len(own)),
				judge.Checkf("others", len(all) > 0 && p99 <= catchUp, "%d orders of the others were processed within %v at p99 meanwhile (target %v)", len(all), p99.Round(time.Millisecond), catchUp).Timed(),
				o.Recovered(),
			}
		},
	}
}

const (
	hogPause = 25 * time.Millisecond
	catchUp  = 5 * time.Second // from the acknowledgement until it is processed, at p99
)

func (d *Driver) hogName() string { return "r" + d.run + "-hog" }

func (d *Driver) startHog(ctx context.Context) {
	d.hogging.Store(true)
	d.beside.Go(func() {
		w := d.newWriter()
		defer w.Close()
		for k := int64(0); d.hogging.Load() && sleep(ctx, hogPause); k++ {
			w.place(ctx, k, order{key: fmt.Sprintf("%s-hog-%d", d.run, k), customer: d.hogName(), quantity: 1, price: 100})
		}
	})
}

func (d *Driver) first(name string) *stack.Instance {
	for _, in := range d.setup.Stack.Instances {
		if in.Role == name {
			return in
		}
	}
	return nil
}

// judgeCatchUp wants orders to be processed soon again that were acknowledged after
// fault and recovery time.
func (d *Driver) judgeCatchUp(o trial.Observed) judge.Check {
	_, end := o.Fault()
	l := d.lags(end+o.Recovery, forever, func(order) bool { return true })
	p99 := quantile(l, 0.99)
	return judge.Checkf("catch-up", len(l) > 0 && p99 < catchUp, "%d orders were processed within %v of their acknowledgement at p99 (target %v)", len(l), p99.Round(time.Millisecond), catchUp).Timed()
}
