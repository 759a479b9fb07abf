// Package roletest checks what the programs of all roles have in common: how they
// complain about their environment and their arguments.
package roletest

import (
	"context"
	"errors"
	"io"
	"maps"
	"strings"
	"testing"

	"github.com/provingground/provingground/pkg/role"
)

// Nobody is an address where nothing listens.
const Nobody = "127.0.0.1:1"

// Program is the run function of a role's command.
type Program func(ctx context.Context, env func(string) string, args []string, out io.Writer) error

// Secret is a value that no complaint may repeat.
const Secret = "hunter2"

// Check runs a program with what all roles need and env, each time with one of the
// bad settings ("NAME=value"; an empty value unsets) instead of the good one. It
// must complain in one line that names the variable.
func Check(t *testing.T, run Program, env map[string]string, bad ...string) {
	t.Helper()
	t.Setenv("AWS_REGION", "us-east-1")
	t.Setenv("AWS_CONFIG_FILE", "/dev/null") // not the machine's
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
	t.Setenv("PUBSUB_EMULATOR_HOST", Nobody)
	all := map[string]string{"ADDR": Nobody, "ADMIN_ADDR": Nobody}
	maps.Copy(all, env)
	bad = append(bad, "ADDR=", "ADMIN_ADDR=", "ADMIN_ADDR="+Secret, "DRAIN_DELAY=soon")
	if all["DATABASE_URL"] != "" {
		bad = append(bad, "DATABASE_URL=", "DATABASE_URL=postgres://user:"+Secret+"@[::1")
	}
	for _, setting := range bad {
		t.Run(setting+" is named in one line", func(t *testing.T) {
			name, value, _ := strings.Cut(setting, "=")
			changed := maps.Clone(all)
			changed[name] = value
			complains(t, run, changed, nil, name+" must be ")
		})
	}
	t.Run("an unknown argument is refused", func(t *testing.T) { complains(t, run, all, []string{"healthchek"}, "healthchek") })
	t.Run("a health check fails where nothing listens", func(t *testing.T) {
		err := run(t.Context(), lookup(all), []string{"healthcheck"}, io.Discard)
		if err == nil || errors.Is(err, role.ErrUsage) || !strings.Contains(err.Error(), Nobody) {
			t.Errorf("healthcheck = %v, want an error that names %s", err, Nobody)
		}
	})
}

func lookup(env map[string]string) func(string) string {
	return func(name string) string { return env[name] }
}

// complains wants a configuration error of one line, with a text and without secrets.
func complains(t *testing.T, run Program, env map[string]string, args []string, text string) {
	t.Helper()
	err := run(t.Context(), lookup(env), args, io.Discard)
	if !errors.Is(err, role.ErrUsage) || !strings.Contains(err.Error(), text) {
		t.Fatalf("run = %v, want a configuration error with %q", err, text)
	}
	if strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), Secret) {
		t.Errorf("run = %q, want one line without the secret", err)
	}
}
