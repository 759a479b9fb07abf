package webhooks

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/provingground/provingground/loadtest/ledger"
	"github.com/provingground/provingground/pkg/webhooksig"
)

// mischief is what a drill changes in the load, or sends beside it.
type mischief struct {
	rotation atomic.Int32 // of the provider's key: the old one, both, the next one
	tenfold  atomic.Bool  // every tenth event is sent ten times at once
	doubles  atomic.Int64 // copies that were acknowledged
	beside   sync.WaitGroup
	stop     context.CancelFunc

	turn      atomic.Int64 // numbers what is sent beside
	good, bad atomic.Int64 // answers as they must be, and others

	mu       sync.Mutex
	recorded []event // the last ones that were acknowledged
}

const (
	copiesOf = 10
	recorded = 1000
)

// keys are what the provider signs with now.
func (m *mischief) keys(env map[string]string) webhooksig.Keys {
	old, next := []byte(env["PAYMENTS_KEY"]), []byte(env["PAYMENTS_KEY_NEXT"])
	return []webhooksig.Keys{{old}, {old, next}, {next}}[m.rotation.Load()]
}

// remember keeps an event as somebody would who listens on the way.
func (m *mischief) remember(e event) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.recorded) < recorded {
		m.recorded = append(m.recorded, e)
	}
}

// copies sends nine more of an event at the same time, if the drill says so, and
// returns a function that waits for them.
func (m *mischief) copies(ctx context.Context, d *Driver, e event, k int64) (wait func()) {
	if !m.tenfold.Load() || k%10 != 0 {
		return func() {}
	}
	var sending sync.WaitGroup
	for i := range copiesOf - 1 {
		sending.Go(func() {
			s := d.newSender()
			defer s.Close()
			if end, _ := s.attempt(ctx, e, k+int64(i)); end == ledger.Acknowledged {
				m.doubles.Add(1)
			}
		})
	}
	return sending.Wait
}

// start runs workers until stopAll, each again and again, with a pause between.
func (m *mischief) start(ctx context.Context, workers int, pause time.Duration, work func(ctx context.Context, n int)) {
	ctx, m.stop = context.WithCancel(context.WithoutCancel(ctx))
	for range workers {
		m.beside.Go(func() {
			for sleep(ctx, pause) {
				work(ctx, int(m.turn.Add(1)))
			}
		})
	}
}

func (m *mischief) stopAll() {
	m.stop()
	m.beside.Wait()
}

// saw counts an answer.
func (m *mischief) saw(ok bool) {
	if ok {
		m.good.Add(1)
		return
	}
	m.bad.Add(1)
}
