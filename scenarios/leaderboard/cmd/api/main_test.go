package main

import (
	"errors"
	"io"
	"maps"
	"strings"
	"testing"

	"github.com/provingground/provingground/pkg/role"
)

const (
	nobody = "127.0.0.1:1" // nothing listens there
	secret = "a secret that is long enough to pass"
)

// environment returns a complete one, with a change: an empty value unsets.
func environment(variable, value string) func(string) string {
	all := map[string]string{
		"ADDR": nobody, "ADMIN_ADDR": nobody, "PLAYERS_TABLE": "players", "KEYS_TABLE": "keys",
		"REDIS_URL": "redis://" + nobody + "/0", "ADMIN_TOKEN": secret, "DRAIN_DELAY": "0s",
	}
	maps.Copy(all, map[string]string{variable: value})
	return func(name string) string { return all[name] }
}

func TestEveryBadVariableIsNamedInOneLine(t *testing.T) {
	for _, tt := range []struct{ variable, value string }{
		{"ADDR", ""},
		{"ADMIN_ADDR", "hunter2"},
		{"PLAYERS_TABLE", ""},
		{"KEYS_TABLE", ""},
		{"REDIS_URL", ""},
		{"REDIS_URL", "redis://user:hunter2@127.0.0.1:port"},
		{"ADMIN_TOKEN", "hunter2"},
		{"ADMIT_PER_SECOND", "many"},
		{"DRAIN_DELAY", "soon"},
	} {
		err := run(t.Context(), environment(tt.variable, tt.value), nil, io.Discard)
		if !errors.Is(err, role.ErrUsage) || !strings.Contains(err.Error(), tt.variable+" must be ") {
			t.Errorf("%s=%s: %v, want a configuration error that names it", tt.variable, tt.value, err)
			continue
		}
		if strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s=%s: %q, want one line without the value", tt.variable, tt.value, err)
		}
	}
}

func TestAMissingRegionIsAConfigurationError(t *testing.T) {
	t.Setenv("AWS_REGION", "")
	t.Setenv("AWS_DEFAULT_REGION", "")
	t.Setenv("AWS_CONFIG_FILE", "/dev/null") // not the machine's
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
	err := run(t.Context(), environment("", ""), nil, io.Discard)
	if !errors.Is(err, role.ErrUsage) || !strings.Contains(err.Error(), "AWS_REGION") {
		t.Errorf("run = %v, want a configuration error that names AWS_REGION", err)
	}
}

func TestAnUnknownArgumentIsRefused(t *testing.T) {
	if err := run(t.Context(), environment("", ""), []string{"healthchek"}, io.Discard); !errors.Is(err, role.ErrUsage) {
		t.Errorf("run = %v, want a mistake in the call", err)
	}
}
