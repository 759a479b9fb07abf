//go:build unix

package main

import (
	"testing"

	"github.com/provingground/provingground/pkg/role/roletest"
)

func TestMistakesInItsSettingsAreNamed(t *testing.T) {
	roletest.Check(t, run, map[string]string{
		"AWS_ENDPOINT_URL_SES": "http://" + roletest.Nobody,
		"SES_EVENTS_TOPIC_ARN": "arn:aws:sns:us-east-1:000000000000:events",
		"CONFIGURATION_SET":    "set",
	},
		"AWS_ENDPOINT_URL_SES=localhost",
		"SES_EVENTS_TOPIC_ARN=",
		"CONFIGURATION_SET=",
		"LOOK_EVERY=often",
	)
}
