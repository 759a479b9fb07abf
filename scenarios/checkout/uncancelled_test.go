//go:build unix

package checkout

import (
	"context"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

func TestWhoGivesUpWaitingSendsThePoolerNoCancelRequest(t *testing.T) {
	c := newCluster(t)
	cfg := c.settings.DB.Config()
	var dialled atomic.Int64
	dial := cfg.ConnConfig.DialFunc
	cfg.ConnConfig.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := dial(ctx, network, addr)
		if err == nil {
			dialled.Add(1)
		}
		return conn, err
	}
	db, err := pgxpool.NewWithConfig(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	conn, err := db.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Release()
	impatient, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := conn.Exec(impatient, "SELECT pg_sleep(1)"); err == nil {
		t.Fatal("a statement of a second ended within a tenth of it")
	}
	<-conn.Conn().PgConn().CleanupDone()
	if n := dialled.Load(); n != 1 {
		t.Errorf("the pooler got %d connections, want the one that was given up", n)
	}
	if err := c.settings.DB.Ping(t.Context()); err != nil {
		t.Errorf("the pooler after it: %v", err)
	}
}
