// Package servicebusdlq puts load on the queues with their poison and checks what was
// promised. It sends payments through the public API, decides on letters as an
// operator does, and looks into Table storage only to see where effects happened.
package servicebusdlq

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
	producer  = "producer"
	poisonOf  = 100 // one payment of so many is poison
	orderedOf = 10  // one of so many goes to the queue with sessions

	orderedAccounts = 50              // at most
	orderedEvery    = 2 * time.Second // an account of the queue with sessions pays at least so often
)

// Driver is one run against one service.
type Driver struct {
	setup    trial.Setup
	run      string // tells this run's accounts and payments from all others
	currency string // that has no rate until it is mended
	hosts    []string
	balancer *balancer.Balancer
	healthy  ledger.Ledger
	poison   ledger.Ledger
	raw      float64 // transactions a second of the table server alone
	measured throughput
	doubled  doubled
	effects  *effects // of the last look

	allPoison     atomic.Bool // for a while every payment is poison
	orderedPoison atomic.Bool // half of those of the queue with sessions are
	noPoison      atomic.Bool // from now on none is
	mended        atomic.Bool // the currency has a rate now
	resubmissions []resubmission

	mu       sync.Mutex
	payments map[string]*sent // by id
}

// sent is a payment with what is known of it.
type sent struct {
	payment payment
	first   time.Time // before the first attempt
	acked   time.Time // zero: never
}

// New returns the driver of a run. It does no I/O.
func New(s trial.Setup) (*Driver, error) {
	n := rand.Uint32()
	d := &Driver{
		setup: s, run: fmt.Sprintf("%08x", n), currency: fmt.Sprintf("X%c%c", 'A'+n%26, 'A'+n/26%26),
		balancer: s.Front[producer], payments: map[string]*sent{},
	}
	for _, raw := range s.URLs(producer) {
		u, err := url.Parse(raw)
		if err != nil {
			return nil, fmt.Errorf("address of a process: %w", err)
		}
		d.hosts = append(d.hosts, u.Host)
	}
	return d, nil
}

// Prepare has no records to make: an account begins with the first payment. It
// measures what Table storage can do with nobody else on it.
func (d *Driver) Prepare(ctx context.Context, progress func(done, of int)) (err error) {
	progress(d.setup.Records, d.setup.Records)
	d.raw, err = tableserver.Ceiling(ctx, d.setup.Env()["TABLES_CONNECTION_STRING"])
	return err
}

// Flows returns the load: payments, some of them poison.
func (d *Driver) Flows() []engine.Flow {
	return []engine.Flow{{
		Name: "payments", Schedule: d.setup.Arrivals(d.setup.Rate), Workers: 64, MaxWorkers: 4096, WarmUp: d.setup.WarmUp,
		New: func(int) (engine.Sender, error) { return d.newWriter(), nil },
	}}
}

// Watch has nothing to do: the rows say when a payment was booked.
func (d *Driver) Watch(context.Context) {}
