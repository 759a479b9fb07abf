//go:build unix

package servertest

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/provingground/provingground/deploy/local/server"
)

// Database makes an empty database for this test on the set's PostgreSQL and
// returns its URL. It is dropped when the test ends, whoever is connected.
func Database(t testing.TB, set *server.Set) string {
	t.Helper()
	admin := set.Env()["DATABASE_URL"]
	u, err := url.Parse(admin)
	if err != nil {
		t.Fatal(err)
	}
	name := "test_" + strings.ToLower(rand.Text())
	statement(t, admin, fmt.Sprintf("CREATE DATABASE %s", name))
	t.Cleanup(func() { statement(t, admin, fmt.Sprintf("DROP DATABASE %s WITH (FORCE)", name)) })
	u.Path = "/" + name
	return u.String()
}

func statement(t testing.TB, admin, sql string) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	conn, err := pgx.Connect(ctx, admin)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}
