//go:build unix

package main

import (
	"errors"
	"io"
	"maps"
	"strings"
	"testing"

	"github.com/provingground/provingground/pkg/role"
)

const nobody = "127.0.0.1:1" // nothing listens there

// environment returns a complete one, with changes: an empty value unsets.
func environment(changes map[string]string) func(string) string {
	all := map[string]string{
		"ADDR": nobody, "ADMIN_ADDR": nobody,
		"UPLOADS_BUCKET": "u", "RENDITIONS_BUCKET": "r", "RECORDS_TABLE": "t", "EVENTS_QUEUE": "q",
	}
	maps.Copy(all, changes)
	return func(name string) string { return all[name] }
}

func TestEveryBadVariableIsNamedInOneLine(t *testing.T) {
	t.Setenv("AWS_REGION", "us-east-1")
	t.Setenv("AWS_CONFIG_FILE", "/dev/null") // not the machine's
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
	for _, tt := range []struct{ variable, value string }{
		{"ADDR", ""},
		{"ADMIN_ADDR", ""},
		{"DRAIN_DELAY", "soon"},
		{"UPLOADS_BUCKET", ""},
		{"RENDITIONS_BUCKET", ""},
		{"RECORDS_TABLE", ""},
		{"EVENTS_QUEUE", ""},
		{"SWEEP_EVERY", "0s"},
		{"SWEEP_GRACE", "soon"},
		{"SWEEP_HOURS", "-1"},
	} {
		t.Run(tt.variable+"="+tt.value, func(t *testing.T) {
			err := run(t.Context(), environment(map[string]string{tt.variable: tt.value}), nil, io.Discard)
			if !errors.Is(err, role.ErrUsage) || !strings.Contains(err.Error(), tt.variable+" must be ") || strings.Contains(err.Error(), "\n") {
				t.Fatalf("run = %v, want a configuration error of one line that names %s", err, tt.variable)
			}
		})
	}
}

func TestAnUnknownArgumentIsRefused(t *testing.T) {
	err := run(t.Context(), environment(nil), []string{"healthchek"}, io.Discard)
	if !errors.Is(err, role.ErrUsage) || !strings.Contains(err.Error(), "healthchek") {
		t.Errorf("run = %v, want a configuration error that names the argument", err)
	}
}

func TestHealthcheckFailsWhereNothingListens(t *testing.T) {
	err := run(t.Context(), environment(nil), []string{"healthcheck"}, io.Discard)
	if err == nil || errors.Is(err, role.ErrUsage) || !strings.Contains(err.Error(), nobody) {
		t.Errorf("healthcheck = %v, want an error that names %s", err, nobody)
	}
}
