package edgeapi

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/provingground/provingground/loadtest/engine"
)

const (
	shareOfMost = 0.5
	paceWarmUp  = 12 * time.Second // longer than a cached answer lives: until then too many are
	paceTime    = 8 * time.Second
	paceUsers   = 20 // each asks again when it is answered
)

// Pace implements [trial.Paced]: the load is half of the reads that the two processes
// answer when they are asked as fast as they answer, with as many writes for each
// read as the load has, and followed up like those.
func (d *Driver) Pace(ctx context.Context) (perSecond float64, err error) {
	result, err := engine.Run(ctx, engine.Options{Start: time.Now(), Settle: timeout}, engine.Flow{
		Name: "reads and writes", WarmUp: paceWarmUp,
		Closed: &engine.ClosedLoop{Users: paceUsers, Duration: paceWarmUp + paceTime},
		New: func(user int) (engine.Sender, error) {
			return &mixed{d.newReader(user), d.newWriter(d.run + "-pace"), rand.New(rand.NewPCG(uint64(user), 2))}, nil
		},
	})
	if err != nil {
		return 0, err
	}
	d.most = result.Flows[0].Goodput / (1 + writesPerRead)
	for _, n := range []*atomic.Int64{&d.hits, &d.misses, &d.bypassed, &d.conflicts, &d.replays} {
		n.Store(0) // the report is about the load
	}
	d.setup.Rate = d.most * shareOfMost
	if d.setup.Rate < 1 {
		return 0, errors.New("nothing was answered")
	}
	return d.setup.Rate, nil
}

// mixed is a user who reads and writes.
type mixed struct {
	reads, writes engine.Sender
	rng           *rand.Rand
}

// Send implements engine.Sender.
func (m *mixed) Send(ctx context.Context, k int64) engine.Outcome {
	if m.rng.Float64() < writesPerRead/(1+writesPerRead) {
		return m.writes.Send(ctx, k)
	}
	return m.reads.Send(ctx, k)
}

// Close implements engine.Sender.
func (m *mixed) Close() error { return errors.Join(m.reads.Close(), m.writes.Close()) }
