package urlshortener

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/provingground/provingground/loadtest/faults"
	"github.com/provingground/provingground/loadtest/judge"
	"github.com/provingground/provingground/loadtest/trial"
	"github.com/provingground/provingground/scenarios"
)

const (
	floodShare  = 0.5   // of the redirects, during the flood
	storeCap    = 300.0 // reads per second, of all processes together
	servedShare = 0.8   // of the reads, while Redis is away
)

// Drill implements [trial.Driver].
func (d *Driver) Drill(drill scenarios.Drill) (*trial.Drill, error) {
	begin := d.setup.FaultBegins()
	end := begin + drill.Lasts
	switch drill.Name {
	case "redis-down":
		shared := d.setup.Stack.Servers.Get("redis")
		return &trial.Drill{Judge: d.judgeRedisDown, Steps: []faults.Step{
			{At: begin, Name: "Redis is killed", Do: func(context.Context) error { return shared.Kill() }},
			{At: end, Name: "Redis is back", Do: shared.Restart},
		}}, nil
	case "dynamodb-paused":
		store := d.setup.Stack.Servers.Get("dynamodb")
		return &trial.Drill{Judge: d.judgePaused, Steps: []faults.Step{
			{At: begin, Name: "DynamoDB stands still", Do: func(context.Context) error { return store.Pause() }},
			{At: end, Name: "DynamoDB goes on", Do: func(context.Context) error { return store.Resume() }},
		}}, nil
	case "flood":
		return &trial.Drill{Judge: d.judgeFlood, Steps: []faults.Step{
			{At: begin, Name: "a scanner asks for unknown names", Do: func(context.Context) error { d.flood.Store(true); return nil }},
			{At: end, Name: "the scanner leaves", Do: func(context.Context) error { d.flood.Store(false); return nil }},
		}}, nil
	case "viral":
		d.viral.Store(true)
		return &trial.Drill{Cold: true, Before: d.chill, Judge: d.judgeViral}, nil
	}
	return nil, fmt.Errorf("unknown drill %q", drill.Name)
}

// chill empties the caches: every process is replaced and Redis forgets, so
// that the run starts cold.
func (d *Driver) chill(ctx context.Context) error {
	for _, instance := range d.setup.Stack.Instances {
		if err := instance.Stop(ctx); err != nil {
			return err
		}
	}
	options, err := redis.ParseURL(d.setup.Env()["REDIS_URL"])
	if err != nil {
		return err
	}
	client := redis.NewClient(options)
	defer client.Close()
	if err := client.FlushAll(ctx).Err(); err != nil {
		return err
	}
	for _, instance := range d.setup.Stack.Instances {
		if err := instance.Start(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (d *Driver) judgeRedisDown(o trial.Observed) []judge.Check {
	w := judge.During(o.Main(), o.Marks[0].Begin, o.Marks[1].End)
	return []judge.Check{
		judge.Checkf("served without Redis", w.Served() >= servedShare, "%.1f %% of the redirects were answered while Redis was away (target %.0f %%)", 100*w.Served(), 100*servedShare).Timed(),
		judge.Checkf("speed without Redis", w.P99 < o.TargetP99, "they took %v at p99 in the median second (target %v)", w.P99, o.TargetP99).Timed(),
		judge.Checkf("refusals", w.Errors == 0, "%d redirects ended otherwise than by an answer or a 503 with Retry-After", w.Errors).Timed(),
		storeReads(o),
		o.Recovered(),
	}
}

func (d *Driver) judgePaused(o trial.Observed) []judge.Check {
	w := judge.During(o.Main(), o.Marks[0].Begin, o.Marks[1].End)
	return []judge.Check{
		judge.Checkf("served without the store", w.Served() >= 0.98, "%.2f %% of the redirects were answered while DynamoDB stood still (target 98 %%)", 100*w.Served()).Timed(),
		o.Recovered(),
	}
}

func (d *Driver) judgeFlood(o trial.Observed) []judge.Check {
	w := judge.During(o.Main(), o.Marks[0].Begin, o.Marks[1].End)
	return []judge.Check{
		judge.Checkf("speed in the flood", w.P99 < o.TargetP99, "redirects took %v at p99 in the median second of the flood (target %v)", w.P99, o.TargetP99).Timed(),
		judge.Checkf("answers in the flood", w.Errors == 0, "%d redirects ended otherwise than by an answer or a 503 with Retry-After", w.Errors).Timed(),
		storeReads(o),
		o.Recovered(),
	}
}

func (d *Driver) judgeViral(o trial.Observed) []judge.Check {
	reads := o.After[lookup("dynamodb", "read")] - o.Before[lookup("dynamodb", "read")]
	return []judge.Check{
		judge.NoErrors(o.Main()),
		judge.Checkf("store reads", int(reads) <= len(d.hosts), "%d redirects of one link on cold caches cost %.0f reads of the store (at most one per process)", o.Main().Measured.Completed, reads),
	}
}

func storeReads(o trial.Observed) judge.Check {
	since := func(result string) float64 {
		return o.After[lookup("dynamodb", result)] - o.Before[lookup("dynamodb", result)]
	}
	reads := since("read") + since("error")
	begin, end := o.Fault()
	seconds := (end - begin).Seconds()
	// The buckets of all processes may be full at the start.
	allowed := storeCap * (seconds*1.02 + 0.1)
	return judge.Checkf("store reads", reads <= allowed, "misses cost %.0f reads of the store in %.1f s (cap %.0f/s)", reads, seconds, storeCap)
}

// sleep reports whether the time passed before ctx ended.
func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}
