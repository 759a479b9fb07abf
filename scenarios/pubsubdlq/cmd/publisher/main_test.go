//go:build unix

package main

import (
	"testing"

	"github.com/provingground/provingground/pkg/role/roletest"
)

func TestMistakesInItsSettingsAreNamed(t *testing.T) {
	roletest.Check(t, run, map[string]string{
		"GOOGLE_CLOUD_PROJECT": "local",
		"EVENTS_TOPIC":         "events",
	},
		"GOOGLE_CLOUD_PROJECT=", "EVENTS_TOPIC=", "ADMIT_PER_SECOND=all",
	)
}
