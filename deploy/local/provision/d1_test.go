//go:build unix

package provision_test

import (
	"strings"
	"testing"

	"github.com/provingground/provingground/deploy/local/provision"
	"github.com/provingground/provingground/deploy/local/server/servertest"
)

func TestMigrationsAreAppliedOnceAndDataStays(t *testing.T) {
	env := servertest.Start(t, "d1").Env()
	db := provision.D1{URL: env["D1_URL"], Database: "edgeapi"}
	for _, round := range []string{"applied", "repeated"} {
		if err := provision.Migrate(t.Context(), env, "edgeapi/wrangler.jsonc"); err != nil {
			t.Fatalf("%s: %v", round, err)
		}
		if _, err := db.Run(t.Context(), provision.Statement{
			SQL:    "INSERT INTO items (id, name, description, price, cost, version, updated) VALUES (?, 'Cup', '', 1, 1, 1, 0)",
			Params: []any{round},
		}); err != nil {
			t.Fatal(err)
		}
	}
	rows, err := db.Run(t.Context(), provision.Statement{SQL: "SELECT (SELECT count(*) FROM items) AS items, count(*) AS migrations FROM d1_migrations"})
	if err != nil || rows[0]["items"] != 2.0 || rows[0]["migrations"] != 3.0 {
		t.Errorf("rows %v, %v, want 2 items and 3 migrations", rows, err)
	}
}

func TestAMigrationNeedsItsDatabase(t *testing.T) {
	err := provision.Migrate(t.Context(), nil, "edgeapi/wrangler.jsonc")
	if err == nil || !strings.Contains(err.Error(), "D1_URL is not set") {
		t.Errorf("error %v", err)
	}
}
