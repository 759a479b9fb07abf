//go:build unix

package main

import (
	"os"
	"strings"
)

// endpoints returns the variables that say where infrastructure is applied, and
// as whom, or none without an endpoint.
func endpoints() map[string]string {
	env := map[string]string{}
	endpoint := false
	for _, kv := range os.Environ() {
		key, value, _ := strings.Cut(kv, "=")
		if strings.HasPrefix(key, "AWS_") || strings.HasPrefix(key, "SERVICEBUS_") || key == "PUBSUB_EMULATOR_HOST" || key == "GOOGLE_CLOUD_PROJECT" {
			env[key] = value
			endpoint = endpoint || strings.HasPrefix(key, "AWS_ENDPOINT_URL") || key == "SERVICEBUS_ADMIN_URL" || key == "PUBSUB_EMULATOR_HOST"
		}
	}
	if !endpoint {
		return nil
	}
	return env
}
