//go:build unix

package main

import (
	"testing"

	"github.com/provingground/provingground/pkg/role/roletest"
)

func TestMistakesInItsSettingsAreNamed(t *testing.T) {
	roletest.Check(t, run, map[string]string{
		"SERVICEBUS_CONNECTION_STRING": "Endpoint=sb://" + roletest.Nobody + ";SharedAccessKeyName=a;SharedAccessKey=b;UseDevelopmentEmulator=true;",

		"PAYMENTS_QUEUE": "p", "ORDERED_QUEUE": "o",
	},
		"SERVICEBUS_CONNECTION_STRING=", "SERVICEBUS_CONNECTION_STRING="+roletest.Secret, "PAYMENTS_QUEUE=", "ORDERED_QUEUE=", "ADMIT_PER_SECOND=all",
	)
}
