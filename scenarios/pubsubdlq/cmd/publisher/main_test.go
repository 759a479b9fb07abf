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
		"ADDR": nobody, "ADMIN_ADDR": nobody, "GOOGLE_CLOUD_PROJECT": "local",
		"EVENTS_TOPIC": "events",
	}
	maps.Copy(all, changes)
	return func(name string) string { return all[name] }
}

func TestEveryBadVariableIsNamedInOneLine(t *testing.T) {
	t.Setenv("PUBSUB_EMULATOR_HOST", nobody)
	for _, tt := range []struct{ variable, value string }{
		{"ADDR", ""},
		{"ADMIN_ADDR", "hunter2"},
		{"GOOGLE_CLOUD_PROJECT", ""},
		{"DRAIN_DELAY", "soon"},
		{"EVENTS_TOPIC", ""},
		{"ADMIT_PER_SECOND", "all"},
	} {
		t.Run(tt.variable+"="+tt.value, func(t *testing.T) {
			err := run(t.Context(), environment(map[string]string{tt.variable: tt.value}), nil, io.Discard)
			if !errors.Is(err, role.ErrUsage) || !strings.Contains(err.Error(), tt.variable+" must be ") {
				t.Fatalf("run = %v, want a configuration error that names %s", err, tt.variable)
			}
			if strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("run = %q, want one line without the value", err)
			}
		})
	}
}

func TestHealthcheckFailsWhereNothingListens(t *testing.T) {
	err := run(t.Context(), environment(nil), []string{"healthcheck"}, io.Discard)
	if err == nil || errors.Is(err, role.ErrUsage) || !strings.Contains(err.Error(), nobody) {
		t.Errorf("healthcheck = %v, want an error that names %s", err, nobody)
	}
}
