package checkout

import (
	"context"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// sampler counts the application's server connections, ten times a second.
type sampler struct {
	mu      sync.Mutex
	most    int
	samples int
}

func (s *sampler) highest() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.most
}

// run counts until ctx ends. A look that fails is none: a drill may have stopped the
// server.
func (s *sampler) run(ctx context.Context, url string) {
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
			s.most, s.samples = max(s.most, n), s.samples+1
			s.mu.Unlock()
		}
	}
}
