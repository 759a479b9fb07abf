//go:build unix

package main

import (
	"testing"

	"github.com/provingground/provingground/pkg/role/roletest"
)

func TestMistakesInItsSettingsAreNamed(t *testing.T) {
	roletest.Check(t, run, map[string]string{
		"DATABASE_URL":     "postgres://postgres@" + roletest.Nobody + "/postgres",
		"EVENTS_TOPIC_ARN": "arn:aws:sns:us-east-1:000000000000:events",
	},
		"EVENTS_TOPIC_ARN=",
	)
}
