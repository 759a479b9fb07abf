//go:build unix

package process

import (
	"context"
	"errors"
	"fmt"
	"slices"
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

// Listens reports whether this process, or a child of it, holds the listening TCP
// socket on port.
func (id ID) Listens(port int) bool {
	return id.Alive() && slices.ContainsFunc(id.tree(), func(each ID) bool { return listens(each.PID, port) })
}

// Pause stops the process's group (SIGSTOP) and what it left of it: on Linux its
// children in groups of their own, as PostgreSQL's are.
func (id ID) Pause() error { return id.signal(syscall.SIGSTOP) }

// Resume continues what Pause stopped (SIGCONT).
func (id ID) Resume() error { return id.signal(syscall.SIGCONT) }

// Kill sends SIGKILL to what Pause would stop and waits up to 10 s for its end.
func (id ID) Kill() error {
	if !id.Alive() {
		return nil
	}
	all := id.tree()
	if err := id.signal(syscall.SIGKILL); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	for _, each := range all {
		if err := poll(ctx, func() bool { return !each.Alive() }); err != nil {
			return fmt.Errorf("process %d is still there after SIGKILL: %w", each.PID, err)
		}
	}
	return nil
}

// Stop asks the process to end (SIGTERM) and kills its group when ctx ends first.
func (id ID) Stop(ctx context.Context) error { return id.End(ctx, syscall.SIGTERM) }

// End is Stop with another signal than SIGTERM.
func (id ID) End(ctx context.Context, sig syscall.Signal) error {
	if !id.Alive() {
		return nil
	}
	if err := ignoreGone(syscall.Kill(id.PID, sig)); err != nil {
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

// signal reaches the process's group first, so that it makes no more children,
// then the groups of the children that left it.
func (id ID) signal(sig syscall.Signal) error {
	if !id.Alive() {
		return nil
	}
	// Killed, it has no children any more: they are looked up before that.
	if sig == syscall.SIGKILL {
		if err := ignoreGone(syscall.Kill(-id.PID, syscall.SIGSTOP)); err != nil {
			return fmt.Errorf("process %d: %w", id.PID, err)
		}
	}
	for _, each := range id.tree() {
		// A child in its parent's group leads none: there is no such group.
		if err := ignoreGone(syscall.Kill(-each.PID, sig)); err != nil {
			return fmt.Errorf("process %d: %v: %w", each.PID, sig, err)
		}
	}
	return nil
}

// tree is the process, and after it its children.
func (id ID) tree() []ID {
	all := []ID{id}
	for _, pid := range children(id.PID) {
		all = append(all, Identify(pid))
	}
	return all
}

func ignoreGone(err error) error {
	if errors.Is(err, syscall.ESRCH) {
		return nil
	}
	return err
}
