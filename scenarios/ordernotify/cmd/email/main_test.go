//go:build unix

package main

import (
	"testing"

	"github.com/provingground/provingground/pkg/role/roletest"
)

func TestMistakesInItsSettingsAreNamed(t *testing.T) {
	roletest.Check(t, run, map[string]string{
		"DATABASE_URL":      "postgres://postgres@" + roletest.Nobody + "/postgres",
		"EMAIL_QUEUE":       "email",
		"SES_EVENTS_QUEUE":  "events",
		"MAIL_FROM":         "a@b.example",
		"CONFIGURATION_SET": "set",
	},
		"EMAIL_QUEUE=",
		"SES_EVENTS_QUEUE=",
		"MAIL_FROM=",
		"CONFIGURATION_SET=",
		"SEND_LEASE=long",
		"SES_EVENT_WAIT=-1s",
		"VISIBILITY=-1s",
	)
}
