//go:build unix && !linux

package process

import "syscall"

func attributes(detached bool) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setsid: detached, Setpgid: !detached}
}

// awaitExit returns at once: the wait that follows blocks.
func awaitExit(int) {}

func bootID() string { return "" }

// startTime cannot tell a recycled pid here, only a free one.
func startTime(pid int) (ticks uint64, ok bool) { return 0, syscall.Kill(pid, 0) == nil }

// listens believes: there is no /proc to ask.
func listens(int, int) bool { return true }
