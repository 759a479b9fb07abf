//go:build unix

package main

import (
	"testing"

	"github.com/provingground/provingground/pkg/role/roletest"
)

func TestMistakesInItsSettingsAreNamed(t *testing.T) {
	roletest.Check(t, run, map[string]string{
		"DATABASE_URL":    "postgres://postgres@" + roletest.Nobody + "/postgres",
		"INVENTORY_QUEUE": "inventory",
	},
		"INVENTORY_QUEUE=",
		"VISIBILITY=2m",
	)
}
