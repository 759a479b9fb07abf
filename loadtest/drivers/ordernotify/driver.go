// Package ordernotify puts load on the order fan-out and checks what it
// promised. It places orders through the public API, and looks into PostgreSQL
// and SES's mailbox only to see where effects happened.
package ordernotify

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/url"
	"sync"
	"time"

	"github.com/provingground/provingground/loadtest/balancer"
	"github.com/provingground/provingground/loadtest/engine"
	"github.com/provingground/provingground/loadtest/faults/proxy"
	"github.com/provingground/provingground/loadtest/ledger"
	"github.com/provingground/provingground/loadtest/trial"
)

const (
	role = "api"
	// scarceEvery orders, one asks for a product of which there is too little.
	scarceEvery = 50
	scarceStock = 10
	plentyStock = 10_000_000
)

// Driver is one run against one service.
type Driver struct {
	setup    trial.Setup
	run      string // tells this run's products and customers from all others
	hosts    []string
	balancer *balancer.Balancer
	ledger   ledger.Ledger
	raw      ceiling
	effects  *effects // of the last look
	hot      bool     // all orders are for one product
	lost     *proxy.Injected

	mu      sync.Mutex
	orders  map[string]*placed // acknowledged, by customer
	dropped map[string]int     // answers of SES that the drill took, by order/kind
	deaths  []death            // of email processes
}

// placed is an acknowledged order.
type placed struct {
	id       string
	product  string
	quantity int
	at       time.Time // of the acknowledgement
}

// New returns the driver of a run. It does no I/O.
func New(s trial.Setup) (*Driver, error) {
	d := &Driver{
		setup: s, run: fmt.Sprintf("%x", rand.Uint64()), balancer: s.Front[role], orders: make(map[string]*placed), dropped: make(map[string]int),
	}
	for _, raw := range s.URLs(role) {
		u, err := url.Parse(raw)
		if err != nil {
			return nil, fmt.Errorf("address of a process: %w", err)
		}
		d.hosts = append(d.hosts, u.Host)
	}
	return d, nil
}

// Flows returns the load: orders.
func (d *Driver) Flows() []engine.Flow {
	return []engine.Flow{{
		Name:       "orders",
		Schedule:   d.setup.Arrivals(d.setup.Rate),
		Workers:    32,
		MaxWorkers: 4096,
		WarmUp:     d.setup.WarmUp,
		New:        func(int) (engine.Sender, error) { return d.newWriter(), nil },
	}}
}

// Watch has nothing to do: what becomes of an order is looked at in the end, and
// the rows say when it happened.
func (d *Driver) Watch(context.Context) {}

// product returns the product of order k: a few are scarce, one may be hot.
func (d *Driver) product(k int64) string {
	switch {
	case d.hot:
		return d.productName("plenty", 0)
	case k%scarceEvery == 0:
		return d.productName("scarce", 0)
	}
	return d.productName("plenty", k%int64(d.setup.Records))
}

func (d *Driver) productName(kind string, i int64) string {
	return fmt.Sprintf("r%s-%s-%d", d.run, kind, i)
}

// clients are connections to each process, for one goroutine.
type clients struct {
	d *Driver
	*balancer.Clients
}

func (d *Driver) newClients(timeout time.Duration) clients {
	return clients{d, balancer.NewClients(d.balancer, d.hosts, timeout)}
}
