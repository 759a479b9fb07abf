// Package imageresize puts load on the image pipeline and checks what it promised.
// It asks for permits through the public API and uploads to S3 by them, as clients
// do, and looks into buckets and table only to see where effects happened.
package imageresize

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/provingground/provingground/loadtest/balancer"
	"github.com/provingground/provingground/loadtest/engine"
	"github.com/provingground/provingground/loadtest/ledger"
	"github.com/provingground/provingground/loadtest/trial"
)

const (
	role = "api"
	// permitsPerUpload are asked for beside the uploads and never used: so many that
	// their 99th percentile means something.
	permitsPerUpload = 10
)

// Driver is one run against one service.
type Driver struct {
	setup    trial.Setup
	run      string // tells this run's files from all others
	hosts    []string
	balancer *balancer.Balancer
	s3       *http.Client // for uploads, as a browser has it
	pictures *pictures
	ledger   ledger.Ledger
	stores   *stores
	memory   memory
	effects  *effects  // of the last look
	begin    time.Time // of the load
	started  chan struct{}

	mu      sync.Mutex
	sent    map[string]upload // by ETag, whatever became of it
	seen    map[string]record // by version: the first record that was seen
	changed []string          // records that were seen to change, in sentences
	filled  bool              // the queue of the beginning is uploaded
	fillErr error
}

// upload is one file that was sent.
type upload struct {
	key     string
	picture picture   // without its bytes
	bulk    bool      // of the preparation
	at      time.Time // S3 answered that it has it; zero: it did not
}

// New returns the driver of a run. It does no I/O.
func New(s trial.Setup) (*Driver, error) {
	d := &Driver{
		setup: s, run: fmt.Sprintf("%x", rand.Uint32()), balancer: s.Front[role], stores: newStores(s.Env()),
		s3:      &http.Client{Timeout: uploadTimeout, Transport: &http.Transport{MaxIdleConnsPerHost: 64, IdleConnTimeout: 2 * time.Second}},
		started: make(chan struct{}), sent: map[string]upload{}, seen: map[string]record{},
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

// Flows returns the load, which begins now: uploads, and permits beside them. In an overload what
// is admitted is for the uploads alone.
func (d *Driver) Flows() []engine.Flow {
	d.begin = time.Now()
	close(d.started)
	arrivals := d.setup.Arrivals(d.setup.Rate)
	flows := []engine.Flow{{
		Name: "uploads", Schedule: arrivals, Workers: 16, MaxWorkers: 512, WarmUp: d.setup.WarmUp,
		New: func(int) (engine.Sender, error) { return &uploader{d.newClients()}, nil },
	}}
	if _, peak := arrivals.(engine.Spike); peak {
		return flows
	}
	return append(flows, engine.Flow{
		Name: "permits", Schedule: d.setup.Arrivals(permitsPerUpload * d.setup.Rate), Workers: 8, MaxWorkers: 256, WarmUp: d.setup.WarmUp,
		New: func(int) (engine.Sender, error) { return &asker{d.newClients()}, nil },
	})
}

// clients are connections to each process, for one goroutine.
type clients struct {
	d *Driver
	*balancer.Clients
}

func (d *Driver) newClients() clients {
	return clients{d, balancer.NewClients(d.balancer, d.hosts, permitTimeout)}
}
