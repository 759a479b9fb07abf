//go:build unix

package process

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"
)

// ID names a process beyond the life of its parent. A pid alone is recycled;
// together with its start time and the boot it belongs to it is not.
type ID struct {
	PID     int    `json:"pid"`
	Started uint64 `json:"started,omitempty"` // clock ticks since boot
	Boot    string `json:"boot,omitempty"`
}

// Identify returns the ID of the process that has this pid now.
func Identify(pid int) ID {
	started, _ := startTime(pid)
	return ID{PID: pid, Started: started, Boot: bootID()}
}

// Alive reports whether this very process runs: neither ended, nor a zombie,
// nor another one that got its pid. A stopped (paused) process is alive.
func (id ID) Alive() bool {
	if id.PID <= 0 || id.Boot != bootID() {
		return false
	}
	started, ok := startTime(id.PID)
	return ok && started == id.Started
}

// Listens reports whether this process holds the listening TCP socket on port.
func (id ID) Listens(port int) bool { return id.Alive() && listens(id.PID, port) }

// Pause stops the process's group (SIGSTOP).
func (id ID) Pause() error { return id.signal(syscall.SIGSTOP) }

// Resume continues the process's group (SIGCONT).
func (id ID) Resume() error { return id.signal(syscall.SIGCONT) }

// Kill sends SIGKILL to the process's group and waits up to 10 s for its end.
func (id ID) Kill() error {
	if err := id.signal(syscall.SIGKILL); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := poll(ctx, func() bool { return !id.Alive() }); err != nil {
		return fmt.Errorf("process %d is still there after SIGKILL: %w", id.PID, err)
	}
	return nil
}

// Stop asks the process to end (SIGTERM) and kills its group when ctx ends first.
func (id ID) Stop(ctx context.Context) error {
	if !id.Alive() {
		return nil
	}
	if err := ignoreGone(syscall.Kill(id.PID, syscall.SIGTERM)); err != nil {
		return fmt.Errorf("process %d: %w", id.PID, err)
	}
	if err := id.Resume(); err != nil {
		return err
	}
	if poll(ctx, func() bool { return !id.Alive() }) == nil {
		return nil
	}
	return id.Kill()
}

func (id ID) signal(sig syscall.Signal) error {
	if !id.Alive() {
		return nil
	}
	if err := ignoreGone(syscall.Kill(-id.PID, sig)); err != nil {
		return fmt.Errorf("process %d: %v: %w", id.PID, sig, err)
	}
	return nil
}

func ignoreGone(err error) error {
	if errors.Is(err, syscall.ESRCH) {
		return nil
	}
	return err
}
