package main

import (
	"testing"

	"github.com/provingground/provingground/pkg/role/roletest"
)

func TestMistakesInItsSettingsAreNamed(t *testing.T) {
	roletest.Check(t, run, map[string]string{
		"GOOGLE_CLOUD_PROJECT": "local",
		"EVENTS_TOPIC":         "events",
		"PAYMENTS_KEY":         "a key of payments that is long enough",
		"REPOS_KEY":            "a key of repos that is long enough",
	},
		"GOOGLE_CLOUD_PROJECT=", "EVENTS_TOPIC=", "PAYMENTS_KEY=", "PAYMENTS_KEY="+roletest.Secret, "PAYMENTS_KEY_NEXT="+roletest.Secret, "REPOS_KEY=", "ADMIT_PER_SECOND=0",
	)
}
