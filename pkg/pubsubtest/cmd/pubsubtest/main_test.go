package main

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
)

func TestItServesUntilItIsStopped(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	out, in := io.Pipe()
	done := make(chan error, 1)
	go func() { done <- run(ctx, []string{"-address", "127.0.0.1:0", "-dir", t.TempDir()}, in) }()
	line := make([]byte, 200)
	n, err := out.Read(line)
	if err != nil || !strings.HasPrefix(string(line[:n]), "PUBSUB_EMULATOR_HOST=127.0.0.1:") {
		t.Errorf("printed %q, %v", line[:n], err)
	}
	stop()
	if err := <-done; err != nil {
		t.Errorf("run: %v", err)
	}
}

func TestBadArgumentsAreAUsageError(t *testing.T) {
	for _, args := range [][]string{{"-nonsense"}, {"topic"}} {
		if err := run(t.Context(), args, io.Discard); !errors.Is(err, errUsage) {
			t.Errorf("run(%q): %v", args, err)
		}
	}
}

func TestATakenAddressIsAnError(t *testing.T) {
	if err := run(t.Context(), []string{"-address", "127.0.0.1:99999"}, io.Discard); err == nil || errors.Is(err, errUsage) {
		t.Errorf("run: %v", err)
	}
}
