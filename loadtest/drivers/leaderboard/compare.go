package leaderboard

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/provingground/provingground/loadtest/engine"
	"github.com/provingground/provingground/loadtest/report"
)

const (
	compareRate  = 0.2 // of the target: both designs carry it
	compareUsers = 64
)

// comparison is what one design does with the same reads, alone, in the minute
// before the load.
type comparison struct {
	most    float64       // reads per second of users that do not think
	rate    float64       // of an open loop
	p99     time.Duration // in that
	counted float64       // commands that Redis counts for each read of it
}

// Compare implements [trial.Baseline]: the design before, with a Redis query for
// every read, and this one, one after the other.
func (d *Driver) Compare(ctx context.Context) ([]report.Contrast, error) {
	was, err := d.measure(ctx, d.before)
	if err != nil {
		return nil, fmt.Errorf("compare %s: %w", before, err)
	}
	is, err := d.measure(ctx, d.api)
	if err != nil {
		return nil, fmt.Errorf("compare %s: %w", after, err)
	}
	row := func(name, note string, value func(comparison) string) report.Contrast {
		return report.Contrast{Name: name, Before: value(was), After: value(is), Note: note}
	}
	return []report.Contrast{
		row("most reads/s", fmt.Sprintf("closed loop, %d users who do not think", compareUsers), func(c comparison) string { return fmt.Sprintf("%.0f", c.most) }),
		row("p99", fmt.Sprintf("open loop at %.0f reads/s", is.rate), func(c comparison) string { return c.p99.Round(10 * time.Microsecond).String() }),
		row("Redis commands", "for each read, as Redis counts them", func(c comparison) string { return fmt.Sprintf("%.3f", c.counted) }),
	}, nil
}

func (d *Driver) measure(ctx context.Context, s *site) (comparison, error) {
	length := min(5*time.Second, max(d.setup.Duration/10, time.Second))
	client, err := d.redis()
	if err != nil {
		return comparison{}, err
	}
	defer client.Close()
	newReader := func(worker int) (engine.Sender, error) { return d.newReader(s, worker), nil }
	closed, err := engine.Run(ctx, engine.Options{}, engine.Flow{
		Name: "reads", Closed: &engine.ClosedLoop{Users: compareUsers, Duration: length}, New: newReader,
	})
	if err != nil {
		return comparison{}, err
	}
	rate := max(1, d.setup.Rate*compareRate)
	from := countedBy(ctx, client)
	open, err := engine.Run(ctx, engine.Options{}, engine.Flow{
		Name: "reads", Schedule: engine.Constant{Rate: rate, Duration: length}, Workers: compareUsers, MaxWorkers: 1024, New: newReader,
	})
	if err != nil {
		return comparison{}, err
	}
	counted := countedBy(ctx, client) - from
	d.forget()
	return comparison{
		most: closed.Flows[0].Goodput, rate: rate, p99: open.Flows[0].LatencyOK.Quantile(0.99),
		counted: counted / float64(max(1, open.Flows[0].Measured.Completed)),
	}, nil
}

// forget has the reads of the load itself counted from here.
func (d *Driver) forget() {
	for _, n := range []*atomic.Int64{&d.reads, &d.same, &d.stale} {
		n.Store(0)
	}
	d.costs.forget()
}
