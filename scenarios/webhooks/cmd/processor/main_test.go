package main

import (
	"testing"

	"github.com/provingground/provingground/pkg/role/roletest"
)

func TestMistakesInItsSettingsAreNamed(t *testing.T) {
	roletest.Check(t, run, map[string]string{
		"GOOGLE_CLOUD_PROJECT": "local",
		"DATABASE_URL":         "postgres://postgres@" + roletest.Nobody + "/postgres",
		"EVENTS_SUBSCRIPTION":  "processor",
		"DEAD_TOPIC":           "dead",
		"PUSH_AUDIENCE":        "https://run.example",
		"PUSH_ACCOUNT":         "push@example.com",
	},
		"GOOGLE_CLOUD_PROJECT=", "DEAD_TOPIC=", "PUSH_ACCOUNT=", "DB_POOL=none", "MAX_INSTANCES=-1",
	)
}

func TestWhoNeitherPullsNorIsPushedToIsAMistake(t *testing.T) {
	roletest.Check(t, run, map[string]string{
		"GOOGLE_CLOUD_PROJECT": "local",
		"DATABASE_URL":         "postgres://postgres@" + roletest.Nobody + "/postgres",
		"EVENTS_SUBSCRIPTION":  "processor",
		"DEAD_TOPIC":           "dead",
		"PUSH_ACCOUNT":         "push@example.com",
	},
		"EVENTS_SUBSCRIPTION=",
	)
}
