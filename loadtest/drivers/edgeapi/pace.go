package edgeapi

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/provingground/provingground/loadtest/engine"
)

const (
	shareOfMost = 0.5
	paceWarmUp  = 4 * time.Second
	paceTime    = 6 * time.Second
	paceReaders = 20 // each asks again when it is answered
	paceWriters = 2
)

// Pace implements [trial.Paced]: the load is half of the reads that the two processes
// answer when they are asked as fast as they answer, with writes beside.
func (d *Driver) Pace(ctx context.Context) (perSecond float64, err error) {
	closed := func(users int) *engine.ClosedLoop {
		return &engine.ClosedLoop{Users: users, Duration: paceWarmUp + paceTime}
	}
	result, err := engine.Run(ctx, engine.Options{Start: time.Now(), Settle: timeout},
		engine.Flow{
			Name: "reads", Closed: closed(paceReaders), WarmUp: paceWarmUp,
			New: func(user int) (engine.Sender, error) { return d.newReader(user), nil },
		},
		engine.Flow{
			Name: "writes", Closed: closed(paceWriters), WarmUp: paceWarmUp,
			New: func(int) (engine.Sender, error) { return d.newWriter(d.run + "-pace"), nil },
		})
	if err != nil {
		return 0, err
	}
	d.most = result.Flows[0].Goodput
	for _, n := range []*atomic.Int64{&d.hits, &d.misses, &d.bypassed, &d.conflicts, &d.replays} {
		n.Store(0) // the report is about the load
	}
	d.setup.Rate = d.most * shareOfMost
	if d.setup.Rate < 1 {
		return 0, errors.New("nothing was answered")
	}
	return d.setup.Rate, nil
}
