//go:build unix

package main

import (
	"os"
	"strings"
)

// awsEnvironment returns the AWS variables of ours, or none without an endpoint.
func awsEnvironment() map[string]string {
	env := map[string]string{}
	endpoint := false
	for _, kv := range os.Environ() {
		key, value, _ := strings.Cut(kv, "=")
		if strings.HasPrefix(key, "AWS_") {
			env[key] = value
			endpoint = endpoint || strings.HasPrefix(key, "AWS_ENDPOINT_URL")
		}
	}
	if !endpoint {
		return nil
	}
	return env
}
