//go:build unix

package main

import (
	"testing"

	"github.com/provingground/provingground/pkg/role/roletest"
)

func TestMistakesInItsSettingsAreNamed(t *testing.T) {
	roletest.Check(t, run, map[string]string{
		"DATABASE_URL": "postgres://postgres@" + roletest.Nobody + "/postgres",
		"ADMIN_TOKEN":  "a secret that is long enough to pass",
	},
		"ADMIN_TOKEN=",
		"ADMIN_TOKEN=hunter2",
		"ADMIT_PER_SECOND=0",
		"ADMIT_PER_SECOND=all",
	)
}
