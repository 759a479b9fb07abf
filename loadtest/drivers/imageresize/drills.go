package imageresize

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

const (
	burst         = 200
	drillFirst    = 1 << 41 // numbers of what drills upload
	overwriteKeys = 8
	overwrites    = 3 // of each key
)

// Drill implements [trial.Driver].
func (d *Driver) Drill(drill scenarios.Drill) (*trial.Drill, error) {
	begin := d.setup.FaultBegins()
	end := begin + drill.Lasts
	switch drill.Name {
	case "resize-killed":
		return d.killed(begin, end), nil
	case "overwritten":
		return d.drill(faults.Step{At: begin, Name: "pictures are overwritten while they are resized", Do: d.overwrite}), nil
	case "tripled":
		return d.drill(d.tripling(begin, end)...), nil
	case "lost-events":
		return d.drill(
			faults.Step{At: begin, Name: "S3 announces nothing", Do: d.stores.announceNothing},
			faults.Step{At: end, Name: "S3 announces again, and sends its test event", Do: d.stores.announceAgain},
		), nil
	case "burst":
		return d.drill(
			faults.Step{At: begin, Name: fmt.Sprintf("%d pictures at once", burst), Do: func(ctx context.Context) error { return d.bulk(ctx, drillFirst, burst) }},
		), nil
	}
	return nil, fmt.Errorf("unknown drill %q", drill.Name)
}

// drill is one that no upload may notice: the rest is for the guarantee to show.
func (d *Driver) drill(steps ...faults.Step) *trial.Drill {
	return &trial.Drill{Steps: steps, Judge: func(o trial.Observed) []judge.Check {
		return []judge.Check{judge.NoErrors(o.Main()), judge.Latency(o.Main(), o.TargetP99)}
	}}
}

// killed kills the resizers in turns, each time in the middle of something.
func (d *Driver) killed(begin, end time.Duration) *trial.Drill {
	const back = 1500 * time.Millisecond
	all := d.instances("resize")
	var steps []faults.Step
	kills := 0
	for at := begin; at < end; at += 2 * back {
		victim := all[kills%len(all)]
		kills++
		steps = append(steps,
			faults.Step{At: at, Name: fmt.Sprintf("resize %d is killed", victim.Index), Do: func(context.Context) error { return victim.Kill() }},
			faults.Step{At: at + back, Name: "it is back", Do: victim.Start},
		)
	}
	plan := d.drill(steps...)
	plan.Kills = kills
	return plan
}

func (d *Driver) instances(name string) (all []*stack.Instance) {
	for _, in := range d.setup.Stack.Instances {
		if in.Role == name {
			all = append(all, in)
		}
	}
	return all
}

// overwrite uploads photos, which take longest, and other pictures over them.
func (d *Driver) overwrite(ctx context.Context) error {
	u := &uploader{d.newClients()}
	defer u.Close()
	for i := range int64(overwriteKeys) {
		k := drillFirst + i*photoEvery
		p := picture{kind: photo, name: name(k), data: commented(d.pictures.photo[0], fmt.Sprintf("%s-%d", d.run, k)), w: photoW, h: photoH}
		permit, outcome := u.permit(ctx, k, p)
		if outcome.Status != 201 {
			return fmt.Errorf("permit for picture %d: %s, status %d", k, outcome.Kind, outcome.Status)
		}
		if outcome := u.send(ctx, permit, p, d.post); outcome.Status/100 != 2 {
			return fmt.Errorf("upload picture %d: %s, status %d", k, outcome.Kind, outcome.Status)
		}
		for n := range overwrites {
			tint := (n + 2) % tints
			over := picture{kind: ordinary, data: commented(d.pictures.ordinary[tint], fmt.Sprintf("%s-%d-%d", d.run, k, n)), tint: tint, w: ordinaryW, h: ordinaryH}
			if outcome := u.send(ctx, permit, over, d.post); outcome.Status/100 != 2 {
				return fmt.Errorf("upload over picture %d: %s, status %d", k, outcome.Kind, outcome.Status)
			}
		}
	}
	return nil
}

// tripling sends each event two times more, at moments spread over the drill, and
// S3's test event with them.
func (d *Driver) tripling(begin, end time.Duration) []faults.Step {
	const times = 5
	var steps []faults.Step
	for i := range times {
		at := begin + (end-begin)*time.Duration(i)/(times-1)
		steps = append(steps, faults.Step{At: at, Name: "events come two times more", Do: func(ctx context.Context) error { return d.stores.repeatEvents(ctx, 2) }})
	}
	return steps
}

// judgeCatchUp wants the photos that were accepted after fault and recovery time
// to be done as fast as if nothing had been.
func (d *Driver) judgeCatchUp(o trial.Observed) judge.Check {
	_, end := o.Fault()
	c := d.judgePhotos(d.begin.Add(end+o.Recovery), forever)
	c.Name, c.Sentence = "catch-up", fmt.Sprintf("from %v after the fault on: %s", o.Recovery, c.Sentence)
	return c
}
