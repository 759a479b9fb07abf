// Package urlshortener puts load on the URL shortener and checks what it
// promised. It knows the service by its public API alone, and looks into the
// stores only to see where effects happened.
package urlshortener

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/provingground/provingground/loadtest/balancer"
	"github.com/provingground/provingground/loadtest/engine"
	"github.com/provingground/provingground/loadtest/ledger"
	"github.com/provingground/provingground/loadtest/trial"
	"github.com/provingground/provingground/loadtest/zipf"
)

const (
	role              = "api"
	writesPerRedirect = 0.005 // 50/s beside 10,000/s
)

// unknownShare of the redirects ask for names that do not resolve: a third
// random codes, a third deleted or expired links, a third alias-shaped.
const unknownShare = 0.01

// Driver is one run against one service.
type Driver struct {
	setup          trial.Setup
	run            string // tells this run's links from all others
	urls           []string
	adminURL       string // of one process
	hosts          []string
	balancer       *balancer.Balancer
	links          []link
	gone           [][]byte // requests for deleted and expired links
	popular        *zipf.Sampler
	ledger         ledger.Ledger
	follow         *followUp
	uncertainReads atomic.Int64 // redirects without an answer: they may have counted as clicks
	viral          atomic.Bool
	flood          atomic.Bool

	mu      sync.Mutex
	aliases map[string]int // claims of an alias that were acknowledged
}

// link is one of the seeded links.
type link struct {
	code    string
	target  string
	request []byte
	clicks  atomic.Int64 // redirects answered with 302
}

// New returns the driver of a run. It does no I/O.
func New(s trial.Setup) (*Driver, error) {
	d := &Driver{
		setup:    s,
		run:      fmt.Sprintf("%x", rand.Uint64()),
		urls:     s.URLs(role),
		adminURL: s.AdminURLs(role)[0],
		balancer: s.Front[role],
		popular:  zipf.New(s.Records, 1),
		aliases:  make(map[string]int),
	}
	for _, raw := range d.urls {
		u, err := url.Parse(raw)
		if err != nil {
			return nil, fmt.Errorf("address of a process: %w", err)
		}
		d.hosts = append(d.hosts, u.Host)
	}
	d.follow = newFollowUp(d)
	return d, nil
}

// Flows returns the load: redirects, with creations beside.
func (d *Driver) Flows() []engine.Flow {
	return []engine.Flow{
		{
			Name:       "redirects",
			Schedule:   d.setup.Arrivals(d.setup.Rate),
			Workers:    64,
			MaxWorkers: 1024,
			WarmUp:     d.setup.WarmUp,
			New:        func(worker int) (engine.Sender, error) { return d.newReader(worker) },
		},
		{
			Name:       "creations",
			Schedule:   d.setup.Arrivals(max(1, d.setup.Rate*writesPerRedirect)),
			Workers:    8,
			MaxWorkers: 1024,
			WarmUp:     d.setup.WarmUp,
			New:        func(worker int) (engine.Sender, error) { return d.newWriter(worker), nil },
		},
	}
}

// Watch follows up on acknowledged writes until ctx ends.
func (d *Driver) Watch(ctx context.Context) { d.follow.run(ctx) }

// clients are connections to each process, for one goroutine.
type clients struct {
	d *Driver
	*balancer.Clients
}

func (d *Driver) newClients(timeout time.Duration) clients {
	return clients{d, balancer.NewClients(d.balancer, d.hosts, timeout)}
}

// host is the name that requests carry: links look the same from every process.
func (d *Driver) host() string { return d.hosts[0] }

func (d *Driver) get(path string) []byte {
	return slices.Concat([]byte("GET " + path + " HTTP/1.1\r\nHost: " + d.host() + "\r\n\r\n"))
}
