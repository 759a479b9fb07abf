package leaderboard

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/provingground/provingground/loadtest/engine"
)

const (
	compareRate  = 0.2 // of the target: both designs carry it
	compareUsers = 64
)

// comparison is what one design does with the same reads, alone, in the minute
// before the load.
type comparison struct {
	name    string
	most    float64       // reads per second of users that do not think
	rate    float64       // of an open loop
	p99     time.Duration // in that
	counted float64       // commands that Redis counts for each read of it
}

// compare measures the design before and this one, one after the other.
func (d *Driver) compare(ctx context.Context) error {
	for _, one := range []struct {
		name string
		site *site
	}{{before, d.before}, {after, d.api}} {
		c, err := d.measure(ctx, one.site)
		if err != nil {
			return fmt.Errorf("compare %s: %w", one.name, err)
		}
		c.name = one.name
		d.compared = append(d.compared, c)
	}
	return nil
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
	for _, n := range []*atomic.Int64{&d.reads, &d.same, &d.stale} {
		n.Store(0) // the load itself is counted from here
	}
	return comparison{
		most: closed.Flows[0].Goodput, rate: rate, p99: open.Flows[0].LatencyOK.Quantile(0.99),
		counted: counted / float64(max(1, open.Flows[0].Measured.Completed)),
	}, nil
}
