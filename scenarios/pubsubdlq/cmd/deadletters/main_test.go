//go:build unix

package main

import (
	"testing"

	"github.com/provingground/provingground/pkg/role/roletest"
)

func TestMistakesInItsSettingsAreNamed(t *testing.T) {
	roletest.Check(t, run, map[string]string{
		"GOOGLE_CLOUD_PROJECT": "local",
		"DEAD_SUBSCRIPTION":    "s",
		"EVENTS_TOPIC":         "events",
		"DATABASE_URL":         "postgres://postgres@" + roletest.Nobody + "/postgres",
		"ADMIN_TOKEN":          "a secret that is long enough to pass",
	},
		"GOOGLE_CLOUD_PROJECT=", "DEAD_SUBSCRIPTION=", "EVENTS_TOPIC=", "ADMIN_TOKEN="+roletest.Secret,
	)
}
