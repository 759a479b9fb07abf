//go:build unix

package main

import (
	"testing"

	"github.com/provingground/provingground/pkg/role/roletest"
)

func TestMistakesInItsSettingsAreNamed(t *testing.T) {
	roletest.Check(t, run, map[string]string{
		"UPLOADS_BUCKET":    "u",
		"RENDITIONS_BUCKET": "r",
		"RECORDS_TABLE":     "t",
		"EVENTS_QUEUE":      "q",
	},
		"UPLOADS_BUCKET=", "RENDITIONS_BUCKET=", "RECORDS_TABLE=", "EVENTS_QUEUE=", "SWEEP_EVERY=0s", "SWEEP_GRACE=soon", "SWEEP_HOURS=-1",
	)
}
