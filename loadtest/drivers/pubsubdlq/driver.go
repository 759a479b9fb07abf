// Package pubsubdlq puts load on the pipeline with its poison and checks what it
// promised. It sends events through the public API, decides on dead letters as an
// operator does, and looks into PostgreSQL and the dead-letter topic only to see
// where effects happened.
package pubsubdlq

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
	publisher  = "publisher"
	poisonOf   = 100 // one event of so many is poison
	badOfAKind = 500 // accounts of each kind that cannot be charged
)

// Driver is one run against one service.
type Driver struct {
	setup    trial.Setup
	run      string // tells this run's accounts and events from all others
	hosts    []string
	balancer *balancer.Balancer
	healthy  ledger.Ledger
	poison   ledger.Ledger
	topic    *listener // what the dead-letter topic delivers to the judge
	measured throughput
	effects  *effects // of the last look

	allPoison atomic.Bool  // for a while every event is poison
	noPoison  atomic.Bool  // from now on none is
	mended    atomic.Bool  // the accounts without a price, and unknown ones, are in order now
	bursts    atomic.Int64 // poison sent while every event is
	redrives  []redrive    // that a drill asked for, as they ended
	refusal   error        // what a subscriber said that must not start

	mu     sync.Mutex
	events map[string]*sent // acknowledged, by id
}

// sent is an acknowledged event.
type sent struct {
	kind kind
	at   time.Time // of the acknowledgement
}

// New returns the driver of a run. It does no I/O.
func New(s trial.Setup) (*Driver, error) {
	d := &Driver{setup: s, run: fmt.Sprintf("%08x", rand.Uint32()), balancer: s.Front[publisher], events: map[string]*sent{}}
	for _, raw := range s.URLs(publisher) {
		u, err := url.Parse(raw)
		if err != nil {
			return nil, fmt.Errorf("address of a process: %w", err)
		}
		d.hosts = append(d.hosts, u.Host)
	}
	d.topic = newListener(d)
	return d, nil
}

// Flows returns the load: events, some of them poison.
func (d *Driver) Flows() []engine.Flow {
	return []engine.Flow{{
		Name:       "events",
		Schedule:   d.setup.Arrivals(d.setup.Rate),
		Workers:    64,
		MaxWorkers: 4096,
		WarmUp:     d.setup.WarmUp,
		New:        func(int) (engine.Sender, error) { return d.newWriter(), nil },
	}}
}

// Watch listens to the dead-letter topic beside the service.
func (d *Driver) Watch(ctx context.Context) { d.topic.listen(ctx) }

// clients are connections to each process, for one goroutine.
type clients struct {
	d *Driver
	*balancer.Clients
}

func (d *Driver) newClients(timeout time.Duration) clients {
	return clients{d, balancer.NewClients(d.balancer, d.hosts, timeout)}
}
