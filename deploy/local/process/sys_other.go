//go:build unix && !linux

package process

import "syscall"

func attributes(detached bool, user uint32) *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setsid: detached, Setpgid: !detached}
	if user != 0 {
		attr.Credential = &syscall.Credential{Uid: user, Gid: user}
	}
	return attr
}

// AdoptOrphans does nothing here.
func AdoptOrphans() error { return nil }

// children cannot be told here: a signal reaches the group alone.
func children(int) []int { return nil }

// awaitExit returns at once: the wait that follows blocks.
func awaitExit(int) {}

func bootID() string { return "" }

// startTime cannot tell a recycled pid here, only a free one.
func startTime(pid int) (ticks uint64, ok bool) { return 0, syscall.Kill(pid, 0) == nil }

// listens believes: there is no /proc to ask.
func listens(int, int) bool { return true }
