// Package checkout puts shoppers on the checkout and checks what it promised. It
// looks into PostgreSQL and the payment provider only to see where effects happened.
package checkout

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/provingground/provingground/loadtest/engine"
	"github.com/provingground/provingground/loadtest/ledger"
	"github.com/provingground/provingground/loadtest/trial"
)

const (
	plentyStock = 10_000_000
	load        = "load" // the part of the run that the target speaks of
)

// Driver is one run against one service.
type Driver struct {
	setup   trial.Setup
	run     string              // tells this run's products and customers from all others
	hosts   map[string][]string // by role
	ledger  ledger.Ledger
	effects *effects // of the last look
	hot     atomic.Bool
	servers sampler // of the whole run

	mu      sync.Mutex
	carts   map[string]cart // acknowledged, by customer
	without []time.Duration // answers of the load, without the provider's time
	queued  int             // acknowledged with 202 by overflow or checkout
	halves  []half          // of the comparison: as it was, as it is
	lost    map[string]bool // orders that the system as it was charged and forgot
}

// New returns the driver of a run. It does no I/O.
func New(s trial.Setup) (*Driver, error) {
	d := &Driver{setup: s, run: fmt.Sprintf("%x", rand.Uint64()), hosts: map[string][]string{}, carts: map[string]cart{}}
	for _, role := range []string{"checkout", "overflow", "before"} {
		for _, raw := range s.URLs(role) {
			u, err := url.Parse(raw)
			if err != nil {
				return nil, fmt.Errorf("address of a process: %w", err)
			}
			d.hosts[role] = append(d.hosts[role], u.Host)
		}
	}
	return d, nil
}

// Flows returns the load: checkouts.
func (d *Driver) Flows() []engine.Flow {
	return []engine.Flow{{
		Name: "checkouts", Schedule: d.setup.Arrivals(d.setup.Rate), Workers: 128, MaxWorkers: 4096, WarmUp: d.setup.WarmUp,
		New: func(int) (engine.Sender, error) { return d.newShopper("checkout", load), nil },
	}}
}

// Watch samples the connections of the database until the load is over.
func (d *Driver) Watch(ctx context.Context) {
	d.servers.run(ctx, d.setup.Env()["DATABASE_URL"])
}

func (d *Driver) product(i int64) string { return fmt.Sprintf("r%s-%d", d.run, i) }
