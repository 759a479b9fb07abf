// Package orderprocessor puts load on the order intake, with a spike in it, and
// checks what it promised. It looks into Table storage and the dead-letter queue
// only to see where effects happened.
package orderprocessor

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/provingground/provingground/loadtest/balancer"
	"github.com/provingground/provingground/loadtest/engine"
	"github.com/provingground/provingground/loadtest/ledger"
	"github.com/provingground/provingground/loadtest/tableserver"
	"github.com/provingground/provingground/loadtest/trial"
)

const (
	role      = "intake"
	processor = "processor"
)

// Driver is one run against one service.
type Driver struct {
	setup    trial.Setup
	run      string // tells this run's orders and customers from all others
	hosts    []string
	balancer *balancer.Balancer
	ledger   ledger.Ledger
	raw      float64     // transactions a second of the table server alone
	effects  *effects    // of the last look
	hogging  atomic.Bool // one customer sends beside the load
	beside   sync.WaitGroup

	mu   sync.Mutex
	sent map[string]*sent // by key
}

// sent is an order with what is known of it.
type sent struct {
	order    order
	first    time.Time // before the first attempt
	acked    time.Time // zero: never
	attempts int
}

// New returns the driver of a run. It does no I/O.
func New(s trial.Setup) (*Driver, error) {
	d := &Driver{setup: s, run: fmt.Sprintf("%016x", rand.Uint64()), balancer: s.Front[role], sent: make(map[string]*sent)}
	for _, raw := range s.URLs(role) {
		u, err := url.Parse(raw)
		if err != nil {
			return nil, fmt.Errorf("address of a process: %w", err)
		}
		d.hosts = append(d.hosts, u.Host)
	}
	return d, nil
}

// Prepare has no records to make: a customer begins with the first order. It
// measures what Table storage can do with nobody else on it.
func (d *Driver) Prepare(ctx context.Context, progress func(done, of int)) (err error) {
	progress(d.setup.Records, d.setup.Records)
	d.raw, err = tableserver.Ceiling(ctx, d.setup.Env()["TABLES_CONNECTION_STRING"])
	return err
}

// Flows returns the load: orders, in a load without a drill with the spike.
func (d *Driver) Flows() []engine.Flow {
	schedule := d.setup.Arrivals(d.setup.Rate)
	if d.setup.Drill == "" {
		schedule = d.spike()
	}
	return []engine.Flow{{
		Name: "orders", Schedule: schedule, Workers: 64, MaxWorkers: 16384, WarmUp: d.setup.WarmUp,
		New: func(int) (engine.Sender, error) { return d.newWriter(), nil },
	}}
}

const (
	spikeFactor = 10
	spikeFor    = 20 * time.Second
)

// spike is ten times the base rate for 20 s, or a third of a shorter run.
func (d *Driver) spike() engine.Spike {
	return engine.Spike{
		Rate: d.setup.Rate, Factor: spikeFactor, Begin: d.setup.WarmUp + d.setup.Duration/6,
		For: min(spikeFor, d.setup.Duration/3), Duration: d.setup.WarmUp + d.setup.Duration,
	}
}

// Watch has nothing to do: the rows say when an order was processed.
func (d *Driver) Watch(context.Context) {}
