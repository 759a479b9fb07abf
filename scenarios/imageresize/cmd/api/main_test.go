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
		"UPLOAD_ID_KEY":     "0123456789abcdef0123456789abcdef",
	},
		"UPLOADS_BUCKET=", "RENDITIONS_BUCKET=", "RECORDS_TABLE=", "EVENTS_QUEUE=", "ADMIT_PER_SECOND=0", "UPLOAD_ID_KEY="+roletest.Secret, "UPLOAD_ENDPOINT=localhost",
	)
}
