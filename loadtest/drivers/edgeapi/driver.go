// Package edgeapi puts load on the JSON API at the edge and checks what it
// promised. It knows the service by its public API alone, and looks into the
// database only to see where effects happened.
package edgeapi

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/provingground/provingground/deploy/local/provision"
	"github.com/provingground/provingground/loadtest/balancer"
	"github.com/provingground/provingground/loadtest/engine"
	"github.com/provingground/provingground/loadtest/http1"
	"github.com/provingground/provingground/loadtest/ledger"
	"github.com/provingground/provingground/loadtest/trial"
	"github.com/provingground/provingground/loadtest/zipf"
)

const (
	role          = "worker"
	writesPerRead = 0.1
	timeout       = 8 * time.Second // longer than the Worker waits for D1
)

// Driver is one run against one service.
type Driver struct {
	setup   trial.Setup
	run     string // tells this run's items and keys from all others
	token   string
	front   *balancer.Balancer
	hosts   []string
	popular *zipf.Sampler
	ledger  ledger.Ledger // creations
	writes  ledger.Ledger // changes and deletions, judged by the versions
	items   []*item       // that are read and changed
	made    made          // by creations of the load
	follow  *followUp
	race    raceResult
	lost    injected // of the drill at hand
	most    float64  // reads a second that the service can do

	hits, misses, bypassed atomic.Int64 // answered reads, by where they came from
	conflicts              atomic.Int64 // changes that another one came before
	replays                atomic.Int64 // writes whose answer was a stored one
	wrong                  complaints   // about answers
}

// New returns the driver of a run. It does no I/O.
func New(s trial.Setup) (*Driver, error) {
	d := &Driver{
		setup: s, run: fmt.Sprintf("%08x", rand.Uint32()), token: s.Env()["WRITE_TOKEN"],
		front: s.Front[role], popular: zipf.New(s.Records, 1),
	}
	for _, raw := range s.URLs(role) {
		u, err := url.Parse(raw)
		if err != nil {
			return nil, fmt.Errorf("address of a process: %w", err)
		}
		d.hosts = append(d.hosts, u.Host)
	}
	d.follow = newFollowUp(d)
	return d, nil
}

// Flows returns the load: reads, with writes beside.
func (d *Driver) Flows() []engine.Flow {
	return []engine.Flow{
		{
			Name:       "reads",
			Schedule:   d.setup.Arrivals(d.setup.Rate),
			Workers:    32,
			MaxWorkers: 2048,
			WarmUp:     d.setup.WarmUp,
			New:        func(worker int) (engine.Sender, error) { return d.newReader(worker), nil },
		},
		{
			Name:       "writes",
			Schedule:   d.setup.Arrivals(max(1, d.setup.Rate*writesPerRead)),
			Workers:    8,
			MaxWorkers: 1024,
			WarmUp:     d.setup.WarmUp,
			New:        func(worker int) (engine.Sender, error) { return d.newWriter(d.run), nil },
		},
	}
}

// Watch follows up on acknowledged changes until ctx ends.
func (d *Driver) Watch(ctx context.Context) { d.follow.run(ctx) }

// database is asked past every fault proxy.
func (d *Driver) database() provision.D1 {
	return provision.D1{URL: d.setup.Env()["D1_URL"], Database: "edgeapi"}
}

// clients are connections to each process, for one goroutine.
type clients struct {
	d *Driver
	*balancer.Clients
}

func (d *Driver) newClients() clients {
	return clients{d, balancer.NewClients(d.front, d.hosts, timeout)}
}

func (c *clients) header(name string) string { return string(c.Resp.Header(name)) }

func (d *Driver) bearer() http1.Field {
	return http1.Field{Name: "Authorization", Value: "Bearer " + d.token}
}

func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}
