//go:build unix

package main

import (
	"testing"

	"github.com/provingground/provingground/pkg/role/roletest"
)

func TestMistakesInItsSettingsAreNamed(t *testing.T) {
	roletest.Check(t, run, map[string]string{
		"GOOGLE_CLOUD_PROJECT": "local",
		"EVENTS_SUBSCRIPTION":  "s",
		"DEAD_TOPIC":           "dead",
		"DATABASE_URL":         "postgres://postgres@" + roletest.Nobody + "/postgres",
		"ADMIN_TOKEN":          "a secret that is long enough to pass",
	},
		"GOOGLE_CLOUD_PROJECT=", "EVENTS_SUBSCRIPTION=", "DEAD_TOPIC=", "MAX_OUTSTANDING=-1", "ON_POISON="+roletest.Secret, "ADMIN_TOKEN="+roletest.Secret,
	)
}
