package edgeapi

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/provingground/provingground/deploy/local/provision"
	"github.com/provingground/provingground/deploy/local/stack"
	"github.com/provingground/provingground/loadtest/faults"
	"github.com/provingground/provingground/loadtest/faults/proxy"
	"github.com/provingground/provingground/loadtest/faults/proxy/d1"
	"github.com/provingground/provingground/loadtest/judge"
	"github.com/provingground/provingground/loadtest/trial"
	"github.com/provingground/provingground/scenarios"
)

// kills is how often a process dies in the drill of that name.
const kills = 5

// injected are the faults of the drill at hand.
type injected []*proxy.Injected

func (in injected) hits() (n int) {
	for _, each := range in {
		n += each.Hits()
	}
	return n
}

// Drill implements [trial.Driver].
func (d *Driver) Drill(drill scenarios.Drill) (*trial.Drill, error) {
	begin := d.setup.FaultBegins()
	end := begin + drill.Lasts
	switch drill.Name {
	case "race":
		return d.raceDrill(), nil
	case "killed":
		return d.killDrill(begin, drill), nil
	case "migration":
		return d.migrationDrill(begin), nil
	case "overloaded":
		return &trial.Drill{Judge: d.judgeOverloaded, Steps: []faults.Step{
			{At: begin, Name: "D1 says that it is overloaded", Do: func(context.Context) error { return d.overload() }},
			{At: end, Name: "D1 is well again", Do: func(context.Context) error { return d.relieve() }},
		}}, nil
	}
	return nil, fmt.Errorf("unknown drill %q", drill.Name)
}

// killDrill kills the first process with a write on its way back from D1, and
// starts it again, several times.
func (d *Driver) killDrill(begin time.Duration, drill scenarios.Drill) *trial.Drill {
	victim := d.setup.Stack.Instances[0]
	var steps []faults.Step
	for i := range kills {
		at := begin + time.Duration(i)*drill.Lasts/kills
		steps = append(steps,
			faults.Step{At: at, Name: "a process dies between batch and answer", Do: func(ctx context.Context) error { return d.killAtWrite(ctx, victim) }},
			faults.Step{At: at, Name: "it is back", Do: victim.Start})
	}
	return &trial.Drill{Kills: kills, Steps: steps, Judge: func(o trial.Observed) []judge.Check {
		return []judge.Check{
			judge.Checkf("kills", d.lost.hits() == kills, "%d processes died after D1 had executed a batch and before it was answered", d.lost.hits()),
			judge.Checkf("first answers", d.replays.Load() > 0, "%d repeated writes got their first answer", d.replays.Load()),
			judge.NoErrors(o.Flows[1]), o.Recovered(),
		}
	}}
}

// killAtWrite waits until a batch that writes was executed, and kills the victim
// before the answer is delivered.
func (d *Driver) killAtWrite(ctx context.Context, victim *stack.Instance) error {
	in, err := d.setup.Detour.Proxy("d1").KillAt("INSERT", 1, proxy.After, victim.Kill)
	if err != nil {
		return err
	}
	d.lost = append(d.lost, in)
	select {
	case <-in.Done():
		return in.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// migrationDrill changes the schema while both versions serve: first what the old
// one does not mind, then the new version, then what it needs no more.
func (d *Driver) migrationDrill(begin time.Duration) *trial.Drill {
	run := func(sql string) func(context.Context) error {
		return func(ctx context.Context) error {
			_, err := d.database().Run(ctx, provision.Statement{SQL: sql})
			return err
		}
	}
	steps := []faults.Step{{At: begin, Name: "the schema expands", Do: run(expand)}}
	for _, in := range d.setup.Stack.Instances {
		name := fmt.Sprintf("%s %d", in.Role, in.Index)
		steps = append(steps,
			faults.Step{At: begin, Name: name + " drains and stops", Do: in.Stop},
			faults.Step{At: begin, Name: name + " starts in the version that goes with it", Do: in.Upgrade},
			faults.Step{At: begin, Name: "the balancer takes it back", Do: func(ctx context.Context) error { return d.awaitReady(ctx, in.Index) }})
	}
	steps = append(steps, faults.Step{At: begin, Name: "the schema contracts", Do: run(contract)})
	return &trial.Drill{
		Before: func(ctx context.Context) error { return d.setup.Stack.BuildNext(ctx, branded()...) },
		Steps:  steps,
		Judge: func(o trial.Observed) []judge.Check {
			checks := []judge.Check{d.judgeBrand()}
			for _, f := range o.Flows {
				checks = append(checks, judge.NoErrors(f))
			}
			return append(checks, judge.Latency(o.Main(), o.TargetP99))
		},
	}
}

// judgeBrand wants every process to show what the new column holds.
func (d *Driver) judgeBrand() judge.Check {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	c := d.newClients()
	defer c.Close()
	request := fmt.Appendf(nil, "GET /api/items/%s HTTP/1.1\r\nHost: edge\r\nCache-Control: no-cache\r\n\r\n", d.items[0].id)
	for process := range c.Conns {
		err := c.Conns[process].Do(ctx, request, &c.Resp)
		if want := `"brand":"unknown"`; err != nil || !bytes.Contains(c.Resp.Body, []byte(want)) {
			return judge.Checkf("migration", false, "process %d answers %.200s (%v) after the migration, want %s", process, c.Resp.Body, err, want)
		}
	}
	return judge.Checkf("migration", true, "%d processes show the new column", len(c.Conns))
}

func (d *Driver) awaitReady(ctx context.Context, process int) error {
	for !d.front.Ready(process) {
		if !sleep(ctx, 50*time.Millisecond) {
			return ctx.Err()
		}
	}
	return nil
}

// overload lets D1 refuse everything, as it does when its queue is full.
func (d *Driver) overload() error {
	in, err := d.setup.Detour.Proxy("d1").Inject(proxy.Fault{Effect: d1.Overloaded()})
	d.lost = append(d.lost, in)
	return err
}

func (d *Driver) relieve() error {
	for _, in := range d.lost {
		in.Remove()
	}
	return nil
}

func (d *Driver) judgeOverloaded(o trial.Observed) []judge.Check {
	begin, end := o.Fault()
	reads, writes := judge.During(o.Flows[0], begin, end), judge.During(o.Flows[1], begin, end)
	return []judge.Check{
		judge.Checkf("refused batches", d.lost.hits() > 0, "D1 refused %d batches", d.lost.hits()),
		judge.Checkf("served meanwhile", reads.OK > 0, "%.1f %% of the reads were answered out of the cache, the rest refused with Retry-After", 100*reads.Served()).Timed(),
		judge.Checkf("refusals", reads.Errors == 0 && writes.Errors == 0, "%d requests ended otherwise than by an answer or a 503 with Retry-After", reads.Errors+writes.Errors),
		judge.Checkf("speed meanwhile", reads.P99 < o.TargetP99, "reads took %v at p99 in the median second (target %v)", reads.P99, o.TargetP99).Timed(),
		o.Recovered(),
	}
}
