//go:build unix

package server_test

import (
	"testing"

	"github.com/provingground/provingground/deploy/local/provision"
	"github.com/provingground/provingground/deploy/local/server/servertest"
)

func TestD1KeepsWhatItAcknowledgedWhenKilled(t *testing.T) {
	d1 := servertest.Start(t, "d1").Get("d1")
	db := provision.D1{URL: d1.Env()["D1_URL"], Database: "edgeapi"}
	_, err := db.Run(t.Context(),
		provision.Statement{SQL: "CREATE TABLE things (name TEXT)"},
		provision.Statement{SQL: "INSERT INTO things VALUES (?)", Params: []any{"kept"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := d1.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := d1.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	rows, err := db.Run(t.Context(), provision.Statement{SQL: "SELECT name FROM things"})
	if err != nil || len(rows) != 1 || rows[0]["name"] != "kept" {
		t.Errorf("rows %v, %v", rows, err)
	}
}

func TestD1RefusesATransactionAsAWhole(t *testing.T) {
	db := provision.D1{URL: servertest.Start(t, "d1").Env()["D1_URL"], Database: "edgeapi"}
	if _, err := db.Run(t.Context(), provision.Statement{SQL: "CREATE TABLE things (name TEXT UNIQUE)"}); err != nil {
		t.Fatal(err)
	}
	twice := provision.Statement{SQL: "INSERT INTO things VALUES ('once')"}
	if _, err := db.Run(t.Context(), twice, twice); err == nil {
		t.Error("a second row with the same name was written")
	}
	rows, err := db.Run(t.Context(), provision.Statement{SQL: "SELECT name FROM things"})
	if err != nil || len(rows) != 0 {
		t.Errorf("rows %v, %v, want none", rows, err)
	}
}
