// Package leaderboard puts load on the leaderboard and checks what it promised.
// It knows the service by its public API alone, and looks into the stores only
// to see where effects happened and what they cost.
package leaderboard

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/provingground/provingground/loadtest/balancer"
	"github.com/provingground/provingground/loadtest/engine"
	"github.com/provingground/provingground/loadtest/ledger"
	"github.com/provingground/provingground/loadtest/trial"
	"github.com/provingground/provingground/loadtest/zipf"
)

const (
	after  = "api"
	before = "before"

	writesPerRead = 0.002 // 100/s beside 50,000/s
	pages         = 40
	pageSize      = 25
)

// Driver is one run against one service.
type Driver struct {
	setup    trial.Setup
	run      string // tells this run's players and keys from all others
	api      *site
	before   *site
	players  int
	popular  *zipf.Sampler // pages
	ledger   ledger.Ledger
	accepted accepted
	follow   *followUp
	costs    costs
	reads    atomic.Int64 // answered reads of the api
	same     atomic.Int64 // of those, 304
	stale    atomic.Int64 // of those, marked stale
	wrong    complaints   // about answers to reads
}

// site is a role that answers reads.
type site struct {
	front *balancer.Balancer
	urls  []string
	hosts []string
}

// New returns the driver of a run. It does no I/O.
func New(s trial.Setup) (*Driver, error) {
	d := &Driver{setup: s, run: fmt.Sprintf("%x", rand.Uint32()), players: s.Records, popular: zipf.New(pages, 1)}
	var err error
	if d.api, err = newSite(s, after); err != nil {
		return nil, err
	}
	if d.before, err = newSite(s, before); err != nil {
		return nil, err
	}
	d.follow = newFollowUp(d)
	return d, nil
}

func newSite(s trial.Setup, role string) (*site, error) {
	site := &site{front: s.Front[role], urls: s.URLs(role)}
	for _, raw := range site.urls {
		u, err := url.Parse(raw)
		if err != nil {
			return nil, fmt.Errorf("address of a process: %w", err)
		}
		site.hosts = append(site.hosts, u.Host)
	}
	return site, nil
}

// Flows returns the load: reads, with submissions beside.
func (d *Driver) Flows() []engine.Flow {
	return []engine.Flow{
		{
			Name:       "reads",
			Schedule:   d.setup.Arrivals(d.setup.Rate),
			Workers:    64,
			MaxWorkers: 1024,
			WarmUp:     d.setup.WarmUp,
			New:        func(worker int) (engine.Sender, error) { return d.newReader(d.api, worker), nil },
		},
		{
			Name:       "submissions",
			Schedule:   d.setup.Arrivals(max(1, d.setup.Rate*writesPerRead)),
			Workers:    16,
			MaxWorkers: 1024,
			WarmUp:     d.setup.WarmUp,
			New:        func(worker int) (engine.Sender, error) { return d.newWriter(), nil },
		},
	}
}

// Watch follows up on acknowledged submissions, and on what Redis is asked,
// until ctx ends.
func (d *Driver) Watch(ctx context.Context) {
	done := make(chan struct{})
	go func() { defer close(done); d.costs.watch(ctx, d) }()
	d.follow.run(ctx)
	<-done
}

// clients are connections to each process of a site, for one goroutine.
type clients struct {
	site *site
	*balancer.Clients
}

func (s *site) newClients(timeout time.Duration) clients {
	return clients{s, balancer.NewClients(s.front, s.hosts, timeout)}
}

func (d *Driver) player(i int) string { return fmt.Sprintf("p%s-%d", d.run, i) }

func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}
