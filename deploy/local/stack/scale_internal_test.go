//go:build unix

package stack

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/provingground/provingground/scenarios"
)

func TestProcessesComeAtOnceAndGoAfterTheCooldown(t *testing.T) {
	role := scenarios.Role{Count: 2, Scale: &scenarios.Scale{Messages: 100, Max: 4, Cooldown: 20 * time.Second}}
	s := &scaler{role: role, needed: make([]time.Time, role.Most()+1)}
	start := time.Unix(1000, 0)
	for _, step := range []struct {
		at           time.Duration
		active, want int
	}{
		{0, 0, 2},
		{5 * time.Second, 200, 2},
		{10 * time.Second, 201, 3},
		{15 * time.Second, 100_000, 4},
		{20 * time.Second, 0, 4},
		{25 * time.Second, 300, 4},
		{36 * time.Second, 0, 3}, // the fourth was wanted 21 s ago, the third 11 s
		{45 * time.Second, 0, 3},
		{46 * time.Second, 0, 2},
	} {
		if got := s.wanted(step.active, start.Add(step.at)); got != step.want {
			t.Errorf("after %v with %d messages: %d processes, want %d", step.at, step.active, got, step.want)
		}
	}
}

func TestAProcessThatWaitsIsNoFailureAndOneThatEndedIs(t *testing.T) {
	s := &scaler{out: t.Output()}
	s.note(t.Context(), fmt.Errorf("processor/2: %w", errNotReady))
	if s.failed != nil {
		t.Errorf("a process that waits for its table is told as %v", s.failed)
	}
	ended := errors.New("exit status 1")
	s.note(t.Context(), ended)
	stopped, stop := context.WithCancel(t.Context())
	stop()
	s.note(stopped, errors.New("broken off"))
	if !errors.Is(s.failed, ended) {
		t.Errorf("kept %v, want %v", s.failed, ended)
	}
}
