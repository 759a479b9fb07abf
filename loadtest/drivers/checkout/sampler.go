package checkout

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/provingground/provingground/loadtest/report"
)

// sampler counts the application's server connections, ten times a second.
type sampler struct {
	mu      sync.Mutex
	samples []report.Sample
}

func (s *sampler) course() []report.Sample {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.samples)
}

// forget drops what was seen so far.
func (s *sampler) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.samples = nil
}

// highest is the most connections that were seen.
func highest(samples []report.Sample) (most int) {
	for _, s := range samples {
		most = max(most, int(s.Value))
	}
	return most
}

// run counts until ctx ends. A look that fails is none: a drill may have stopped the
// server.
func (s *sampler) run(ctx context.Context, url string) {
	began := time.Now()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	var conn *pgx.Conn
	defer func() {
		if conn != nil {
			conn.Close(context.WithoutCancel(ctx))
		}
	}()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		var err error
		if conn == nil || conn.IsClosed() {
			if conn, err = pgx.Connect(ctx, url); err != nil {
				conn = nil
				continue
			}
		}
		n := 0
		if conn.QueryRow(ctx, "SELECT count(*) FROM pg_stat_activity WHERE usename = 'app'").Scan(&n) == nil {
			s.mu.Lock()
			s.samples = append(s.samples, report.Sample{At: report.Seconds(time.Since(began).Seconds()), Value: float64(n)})
			s.mu.Unlock()
		}
	}
}
