package leaderboard

import (
	"context"
	"fmt"
	"time"

	"github.com/provingground/provingground/loadtest/faults"
	"github.com/provingground/provingground/loadtest/judge"
	"github.com/provingground/provingground/loadtest/trial"
	"github.com/provingground/provingground/scenarios"
)

// Drill implements [trial.Driver].
func (d *Driver) Drill(drill scenarios.Drill) (*trial.Drill, error) {
	begin := d.setup.FaultBegins()
	end := begin + drill.Lasts
	redis := d.setup.Stack.Servers.Get("redis")
	store := d.setup.Stack.Servers.Get("dynamodb")
	switch drill.Name {
	case "redis-down":
		return &trial.Drill{Judge: d.judgePages(0.985), Steps: []faults.Step{
			{At: begin, Name: "Redis is killed", Do: func(context.Context) error { return redis.Kill() }},
			{At: end, Name: "Redis is back", Do: redis.Restart},
		}}, nil
	case "redis-emptied":
		return &trial.Drill{Judge: d.judgePages(0.985), Steps: []faults.Step{
			{At: begin, Name: "Redis is emptied", Do: d.empty},
			{At: begin, Name: "the view is rebuilt", Do: func(ctx context.Context) error { return d.awaitView(ctx, int64(d.players)) }},
		}}, nil
	case "dynamodb-paused":
		return &trial.Drill{Judge: d.judgePages(0.999), Steps: []faults.Step{
			{At: begin, Name: "DynamoDB stands still", Do: func(context.Context) error { return store.Pause() }},
			{At: end, Name: "DynamoDB goes on", Do: func(context.Context) error { return store.Resume() }},
		}}, nil
	}
	return nil, fmt.Errorf("unknown drill %q", drill.Name)
}

// empty takes everything from Redis, and waits until every process has noticed:
// before, the pages in memory look fresh, and are.
func (d *Driver) empty(ctx context.Context) error {
	client, err := d.redis()
	if err != nil {
		return err
	}
	defer client.Close()
	if err := client.FlushAll(ctx).Err(); err != nil {
		return err
	}
	for _, url := range d.api.urls {
		for range 20 { // a small board may be rebuilt before anybody looks
			var p page
			if _, err := get(ctx, url+"/api/pages/1", &p); err == nil && p.Stale || !sleep(ctx, 100*time.Millisecond) {
				break
			}
		}
	}
	return ctx.Err()
}

// judgePages wants pages to be served during the fault: they are nearly all
// reads, and only lookups of players beyond them may be refused.
func (d *Driver) judgePages(share float64) func(trial.Observed) []judge.Check {
	return func(o trial.Observed) []judge.Check {
		from, to := o.Fault()
		w := judge.During(o.Main(), from, to)
		return []judge.Check{
			judge.Checkf("served meanwhile", w.Served() >= share, "%.2f %% of the reads were answered during the fault (target %.1f %%)", 100*w.Served(), 100*share).Timed(),
			judge.Checkf("speed meanwhile", w.P99 < o.TargetP99, "they took %v at p99 in the median second (target %v)", w.P99, o.TargetP99).Timed(),
			judge.Checkf("refusals", w.Errors == 0, "%d reads ended otherwise than by an answer or a 503 with Retry-After", w.Errors).Timed(),
			judge.Checkf("marks", awaited(o) < 2*time.Second || d.stale.Load() > 0 || share > 0.99, "%d pages were marked stale", d.stale.Load()),
			o.Recovered(),
		}
	}
}

// awaited is how long the view was away: a small board is rebuilt before its
// pages are old enough to be marked.
func awaited(o trial.Observed) time.Duration {
	from, to := o.Fault()
	if last := o.Marks[len(o.Marks)-1]; last.Name == "the view is rebuilt" {
		from = last.Begin
	}
	return to - from
}
