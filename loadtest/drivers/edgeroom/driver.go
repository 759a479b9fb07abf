// Package edgeroom puts load on the counter and the room at the edge and checks what
// they promised: that the counter's history could have happened one request after
// the other, and that every member got every message, in sequence and once.
package edgeroom

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
	"github.com/provingground/provingground/loadtest/report"
	"github.com/provingground/provingground/loadtest/trial"
)

const (
	role            = "worker"
	readsPerWrite   = 0.2
	messagesPerRate = 0.1              // 30 messages a second beside 300 increments
	timeout         = 5 * time.Second  // of one attempt
	deadline        = 40 * time.Second // until then what is not definite is repeated
	pause           = 250 * time.Millisecond
)

// Driver is one run against one service.
type Driver struct {
	setup trial.Setup
	run   string // names this run's counter and room, which nobody else has
	front *balancer.Balancer
	hosts []string
	began time.Time

	increments ledger.Ledger
	messages   ledger.Ledger
	history    history
	members    []*member
	settings   settings
	wrong      complaints
	delivered  latencies
	said       moments

	first   atomic.Int64 // when the first message was sent
	replays atomic.Int64 // increments that got their first answer when they were repeated
	misled  atomic.Int64 // messages that were said with a wrong time
}

// New returns the driver of a run. It does no I/O.
func New(s trial.Setup) (*Driver, error) {
	d := &Driver{setup: s, run: fmt.Sprintf("%08x", rand.Uint32()), front: s.Front[role], began: time.Now(), delivered: newLatencies()}
	for _, raw := range s.URLs(role) {
		u, err := url.Parse(raw)
		if err != nil {
			return nil, fmt.Errorf("address of a process: %w", err)
		}
		d.hosts = append(d.hosts, u.Host)
	}
	for i := range s.Records {
		d.members = append(d.members, newMember(d, fmt.Sprintf("%s-%d", d.run, i)))
	}
	return d, nil
}

// Prepare waits for the Worker and makes the room: members come with Watch.
func (d *Driver) Prepare(ctx context.Context, progress func(done, of int)) error {
	c := d.newClients()
	defer c.Close()
	value, _, err := c.read(ctx, 0)
	if err != nil || value != 0 {
		return fmt.Errorf("a new counter says %d: %w", value, err)
	}
	progress(1, 1)
	return nil
}

// Flows returns the load: increments, and beside them reads and messages.
func (d *Driver) Flows() []engine.Flow {
	flow := func(name string, share float64, workers int, sender func() engine.Sender) engine.Flow {
		return engine.Flow{
			Name: name, Schedule: d.setup.Arrivals(max(1, d.setup.Rate*share)), Workers: workers, MaxWorkers: 512, WarmUp: d.setup.WarmUp,
			New: func(int) (engine.Sender, error) { return sender(), nil },
		}
	}
	return []engine.Flow{
		flow("increments", 1, 16, func() engine.Sender { return &adder{d.newClients()} }),
		flow("reads", readsPerWrite, 8, func() engine.Sender { return &reader{d.newClients()} }),
		flow("messages", messagesPerRate, 16, func() engine.Sender { return &speaker{d} }),
	}
}

// Watch keeps the members connected, and looks at the settings, until ctx ends.
func (d *Driver) Watch(ctx context.Context) {
	var all sync.WaitGroup
	all.Go(func() { d.keepSettings(ctx) })
	for _, m := range d.members {
		all.Go(func() { m.stay(ctx) })
	}
	all.Wait()
}

// Facts says how many messages arrived, and how soon.
func (d *Driver) Facts(trial.Metrics, trial.Metrics, float64) []report.Fact {
	return []report.Fact{
		{Name: "deliveries", Value: fmt.Sprint(d.delivered.count()), Note: fmt.Sprintf("of messages to %d members; p99 %v, slowest %v after they were sent", len(d.members), d.delivered.at(99), d.delivered.at(100))},
		{Name: "replayed", Value: fmt.Sprint(d.replays.Load()), Note: "increments that got their first answer when they were repeated"},
	}
}

// measured says whether a message of that time was sent after the warm-up.
func (d *Driver) measured(sent time.Duration) bool {
	return sent >= time.Duration(d.first.Load())+d.setup.WarmUp
}

// now is the time since the driver was made.
func (d *Driver) now() time.Duration { return time.Since(d.began) }

func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// complaints keeps the first few sentences about what was wrong.
type complaints struct {
	mu  sync.Mutex
	all []string
}

func (c *complaints) add(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all = append(c.all, fmt.Sprintf(format, args...))
}

func (c *complaints) list() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]string(nil), c.all...)
}
