// Package machine says whether a machine was quiet enough to judge a run on it:
// who used its processors over the measured window, and how fast a server that
// is known answers in the same minute.
//
// Processor time and memory come from /proc, so Linux only; elsewhere the
// functions that need it return an error that wraps [errors.ErrUnsupported].
package machine

import (
	"errors"
	"fmt"
	"runtime"
)

// MaxOthers is the share of all cores that processes not listed may use. Above it
// a run says nothing about the system under test.
const MaxOthers = 0.10

// Group is the part that a process plays in a run.
type Group string

// The groups.
const (
	Generator Group = "generator"
	Role      Group = "role"
	Server    Group = "server"
)

// A Process is one to account for, together with its descendants that are not
// listed themselves.
type Process struct {
	Name  string
	Group Group
	PID   int
}

func supported() error {
	if runtime.GOOS != "linux" {
		return fmt.Errorf("machine: reading processor times on %s: %w", runtime.GOOS, errors.ErrUnsupported)
	}
	return nil
}
