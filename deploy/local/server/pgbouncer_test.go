//go:build unix

package server_test

import (
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/provingground/provingground/deploy/local/server/servertest"
)

// A pooler in transaction mode gives a session's state to whoever comes next, so
// a client must not count on any.
func TestThePoolerGivesOneServerConnectionToManyClients(t *testing.T) {
	set := servertest.Start(t, "postgres", "pgbouncer")
	seen := map[int]bool{}
	for range 5 {
		conn, err := pgx.Connect(t.Context(), set.Env()["PGBOUNCER_URL"]+"&default_query_exec_mode=exec")
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close(t.Context())
		var pid int
		if err := conn.QueryRow(t.Context(), "SELECT pg_backend_pid()").Scan(&pid); err != nil {
			t.Fatal(err)
		}
		seen[pid] = true
	}
	if len(seen) != 1 {
		t.Errorf("five clients that take turns used %d server connections, want one", len(seen))
	}
}
