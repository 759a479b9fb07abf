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
		"EVENTS_TOPIC": "events", "PAYMENTS_KEY": "a key of payments that is long enough", "REPOS_KEY": "a key of repos that is long enough",
	}
	maps.Copy(all, changes)
	return func(name string) string { return all[name] }
}

func TestEveryBadVariableIsNamedInOneLine(t *testing.T) {
	t.Setenv("PUBSUB_EMULATOR_HOST", nobody)
	for _, tt := range []struct{ variable, value string }{
		{"ADDR", ""},
		{"ADMIN_ADDR", ""},
		{"DRAIN_DELAY", "soon"},
		{"GOOGLE_CLOUD_PROJECT", ""},
		{"EVENTS_TOPIC", ""},
		{"PAYMENTS_KEY", ""},
		{"PAYMENTS_KEY", "hunter2"},
		{"PAYMENTS_KEY_NEXT", "hunter2"},
		{"REPOS_KEY", ""},
		{"ADMIT_PER_SECOND", "0"},
	} {
		t.Run(tt.variable+"="+tt.value, func(t *testing.T) {
			err := run(t.Context(), environment(map[string]string{tt.variable: tt.value}), nil, io.Discard)
			if !errors.Is(err, role.ErrUsage) || !strings.Contains(err.Error(), tt.variable+" must be ") {
				t.Fatalf("run = %v, want a configuration error that names %s", err, tt.variable)
			}
			if strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("run = %q, want one line without the secret", err)
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
