package urlshortener

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/provingground/provingground/deploy/local/stack"
	"github.com/provingground/provingground/loadtest/engine"
	"github.com/provingground/provingground/loadtest/faults"
	"github.com/provingground/provingground/loadtest/judge"
)

const (
	floodShare  = 0.5              // of the redirects, during the flood
	faultAfter  = 20 * time.Second // the caches have settled by then
	redisAway   = 20 * time.Second
	storePause  = 10 * time.Second
	floodLasts  = 20 * time.Second
	storeCap    = 300.0 // reads per second, of all processes together
	servedShare = 0.8   // of the reads, while Redis is away
)

// A Drill is what a drill does and how it is judged. The ledger is judged in
// every drill; Replaces says that Judge stands for the target of the plain run.
type Drill struct {
	Steps    []faults.Step
	Kills    int
	Recovery time.Duration
	Judge    func(Observed) []judge.Check
}

// Observed is what a drill is judged by.
type Observed struct {
	Redirects  engine.FlowResult
	Marks      []faults.Mark
	TargetP99  time.Duration
	Before     Metrics // at the start of the fault
	After      Metrics // at its end
	Recovery   time.Duration
	MeasuredIn time.Duration
}

// Drill returns the plan of a drill, whose faults begin some seconds into the
// measured phase.
func (d *Driver) Drill(name string, s *stack.Stack, recovery time.Duration) (*Drill, error) {
	start := d.cfg.WarmUp + faultAfter
	drill := &Drill{Recovery: recovery}
	switch name {
	case "deploy":
		drill.Steps = d.deploySteps(s, start)
		drill.Judge = d.judgeDeploy
	case "redis-down":
		redisServer := s.Servers.Get("redis")
		drill.Steps = []faults.Step{
			{At: start, Name: "Redis is killed", Do: func(context.Context) error { return redisServer.Kill() }},
			{At: start + redisAway, Name: "Redis is back", Do: redisServer.Restart},
		}
		drill.Judge = d.judgeRedisDown
	case "dynamodb-paused":
		store := s.Servers.Get("dynamodb")
		drill.Steps = []faults.Step{
			{At: start, Name: "DynamoDB stands still", Do: func(context.Context) error { return store.Pause() }},
			{At: start + storePause, Name: "DynamoDB goes on", Do: func(context.Context) error { return store.Resume() }},
		}
		drill.Judge = d.judgePaused
	case "flood":
		drill.Steps = []faults.Step{
			{At: start, Name: "a scanner asks for unknown names", Do: func(context.Context) error { d.flood.Store(true); return nil }},
			{At: start + floodLasts, Name: "the scanner leaves", Do: func(context.Context) error { d.flood.Store(false); return nil }},
		}
		drill.Judge = d.judgeFlood
	case "viral":
		d.viral.Store(true)
		drill.Judge = d.judgeViral
	default:
		return nil, fmt.Errorf("unknown drill %q", name)
	}
	return drill, nil
}

// deploySteps replaces one process after the other while the rest serve.
func (d *Driver) deploySteps(s *stack.Stack, start time.Duration) []faults.Step {
	var steps []faults.Step
	for i, instance := range s.Instances {
		steps = append(steps,
			faults.Step{At: start, Name: fmt.Sprintf("api %d drains and stops", i), Do: instance.Stop},
			faults.Step{At: start, Name: fmt.Sprintf("api %d starts", i), Do: instance.Start},
			faults.Step{At: start, Name: "the balancer takes it back", Do: func(ctx context.Context) error { return d.awaitReady(ctx, i) }},
		)
	}
	return steps
}

// awaitReady waits for the balancer: replacing the next process earlier would
// leave nobody to serve.
func (d *Driver) awaitReady(ctx context.Context, process int) error {
	for !d.balancer.Ready(process) {
		if !sleep(ctx, 50*time.Millisecond) {
			return ctx.Err()
		}
	}
	return nil
}

// Chill empties the caches: every process is replaced and Redis forgets, so
// that the run starts cold.
func (d *Driver) Chill(ctx context.Context, s *stack.Stack) error {
	for _, instance := range s.Instances {
		if err := instance.Stop(ctx); err != nil {
			return err
		}
	}
	options, err := redis.ParseURL(d.cfg.Env["REDIS_URL"])
	if err != nil {
		return err
	}
	client := redis.NewClient(options)
	defer client.Close()
	if err := client.FlushAll(ctx).Err(); err != nil {
		return err
	}
	for _, instance := range s.Instances {
		if err := instance.Start(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (d *Driver) judgeDeploy(o Observed) []judge.Check {
	return []judge.Check{judge.NoErrors(o.Redirects), judge.Latency(o.Redirects, o.TargetP99)}
}

func (d *Driver) judgeRedisDown(o Observed) []judge.Check {
	begin, end := o.Marks[0].Begin, o.Marks[1].End
	served, p99, errors := during(o.Redirects, begin, end)
	return []judge.Check{
		judge.Checkf("served without Redis", served >= servedShare, "%.1f %% of the redirects were answered while Redis was away (target %.0f %%)", 100*served, 100*servedShare).Timed(),
		judge.Checkf("speed without Redis", p99 < o.TargetP99, "they took %v at p99 in the median second (target %v)", p99, o.TargetP99).Timed(),
		judge.Checkf("refusals", errors == 0, "%d redirects ended otherwise than by an answer or a 503 with Retry-After", errors).Timed(),
		storeReads(o),
		recovered(o, end),
	}
}

func (d *Driver) judgePaused(o Observed) []judge.Check {
	begin, end := o.Marks[0].Begin, o.Marks[1].End
	served, _, _ := during(o.Redirects, begin, end)
	return []judge.Check{
		judge.Checkf("served without the store", served >= 0.98, "%.2f %% of the redirects were answered while DynamoDB stood still (target 98 %%)", 100*served).Timed(),
		recovered(o, end),
	}
}

func (d *Driver) judgeFlood(o Observed) []judge.Check {
	begin, end := o.Marks[0].Begin, o.Marks[1].End
	_, p99, errors := during(o.Redirects, begin, end)
	return []judge.Check{
		judge.Checkf("speed in the flood", p99 < o.TargetP99, "redirects took %v at p99 in the median second of the flood (target %v)", p99, o.TargetP99).Timed(),
		judge.Checkf("answers in the flood", errors == 0, "%d redirects ended otherwise than by an answer or a 503 with Retry-After", errors).Timed(),
		storeReads(o),
		recovered(o, end),
	}
}

func (d *Driver) judgeViral(o Observed) []judge.Check {
	reads := o.After[lookup("dynamodb", "read")] - o.Before[lookup("dynamodb", "read")]
	return []judge.Check{
		judge.NoErrors(o.Redirects),
		judge.Checkf("store reads", int(reads) <= len(d.hosts), "%d redirects of one link on cold caches cost %.0f reads of the store (at most one per process)", o.Redirects.Measured.Completed, reads),
	}
}

func storeReads(o Observed) judge.Check {
	reads := o.After[lookup("dynamodb", "read")] + o.After[lookup("dynamodb", "error")] - o.Before[lookup("dynamodb", "read")] - o.Before[lookup("dynamodb", "error")]
	seconds := (o.Marks[1].End - o.Marks[0].Begin).Seconds()
	// The buckets of all processes may be full at the start.
	allowed := storeCap * (seconds*1.02 + 0.1)
	return judge.Checkf("store reads", reads <= allowed, "misses cost %.0f reads of the store in %.1f s (cap %.0f/s)", reads, seconds, storeCap)
}

func recovered(o Observed, end time.Duration) judge.Check {
	took := judge.Recovered(o.Redirects, end, o.TargetP99)
	limit := max(o.Recovery, 2*time.Second) // seconds are whole
	return judge.Checkf("recovery", took <= limit, "the target held again %v after the fault (target %v)", took.Round(100*time.Millisecond), limit).Timed()
}

// during returns what share of the redirects was answered between two times,
// the p99 of the median second, and how many ended in an error.
func during(f engine.FlowResult, begin, end time.Duration) (served float64, p99 time.Duration, errors int64) {
	var ok, intended int64
	var p99s []time.Duration
	for _, s := range f.Series {
		at := time.Duration(s.Second) * time.Second
		if at < begin || at+time.Second > end {
			continue
		}
		ok += s.OK
		intended += s.Intended
		errors += s.Errors
		p99s = append(p99s, s.P99)
	}
	if intended == 0 {
		return 0, 0, 0
	}
	return float64(ok) / float64(intended), median(p99s), errors
}

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}
