//go:build unix

package main

import (
	"testing"

	"github.com/provingground/provingground/pkg/role/roletest"
)

func TestMistakesInItsSettingsAreNamed(t *testing.T) {
	roletest.Check(t, run, map[string]string{
		"SERVICEBUS_CONNECTION_STRING": "Endpoint=sb://" + roletest.Nobody + ";SharedAccessKeyName=a;SharedAccessKey=b;UseDevelopmentEmulator=true;",
		"TABLES_CONNECTION_STRING":     "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=a2V5;TableEndpoint=http://" + roletest.Nobody + "/a;",
		"PAYMENTS_QUEUE":               "p", "ORDERED_QUEUE": "o", "PAYMENTS_TABLE": "payments", "QUARANTINE_TABLE": "quarantine", "ADMIN_TOKEN": "a secret that is long enough to pass",
	},
		"SERVICEBUS_CONNECTION_STRING=", "TABLES_CONNECTION_STRING=", "PAYMENTS_QUEUE=", "ORDERED_QUEUE=", "PAYMENTS_TABLE=", "QUARANTINE_TABLE=", "ADMIN_TOKEN="+roletest.Secret,
	)
}
