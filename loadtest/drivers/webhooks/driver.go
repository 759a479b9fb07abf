// Package webhooks puts load on the webhook intake and checks what it promised. It
// signs and sends events as providers do, and looks into PostgreSQL and the
// dead-letter subscription only to see where effects happened.
package webhooks

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
	"github.com/provingground/provingground/loadtest/trial"
)

const (
	role = "receiver"
	// hotEvery events, one is of the hot account.
	hotEvery = 10
)

// Driver is one run against one service.
type Driver struct {
	setup    trial.Setup
	run      string // tells this run's events and accounts from all others
	hosts    []string
	balancer *balancer.Balancer
	ledger   ledger.Ledger
	versions []atomic.Int64 // the last one of each account; the hot one is the last
	effects  *effects       // of the last look
	mischief mischief       // what a drill sends besides

	mu   sync.Mutex
	sent map[string]*sent // by what
}

// sent is an event with what is known of it.
type sent struct {
	event    event
	first    time.Time // before the first attempt
	acked    time.Time // zero: never
	attempts int
}

// New returns the driver of a run. It does no I/O.
func New(s trial.Setup) (*Driver, error) {
	d := &Driver{
		setup: s, run: fmt.Sprintf("%x", rand.Uint64()), balancer: s.Front[role],
		versions: make([]atomic.Int64, s.Records+1), sent: make(map[string]*sent),
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

// Prepare has nothing to make: an account begins with its first event.
func (d *Driver) Prepare(_ context.Context, progress func(done, of int)) error {
	progress(d.setup.Records, d.setup.Records)
	return nil
}

// Flows returns the load: events.
func (d *Driver) Flows() []engine.Flow {
	return []engine.Flow{{
		Name:       "events",
		Schedule:   d.setup.Arrivals(d.setup.Rate),
		Workers:    64,
		MaxWorkers: 16384,
		WarmUp:     d.setup.WarmUp,
		New:        func(int) (engine.Sender, error) { return d.newSender(), nil },
	}}
}

// Watch has nothing to do: the rows say when an event was applied.
func (d *Driver) Watch(context.Context) {}

// clients are connections to each process, for one goroutine.
type clients struct {
	d *Driver
	*balancer.Clients
}

func (d *Driver) newClients(timeout time.Duration) clients {
	return clients{d, balancer.NewClients(d.balancer, d.hosts, timeout)}
}
