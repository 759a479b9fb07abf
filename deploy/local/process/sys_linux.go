package process

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

func attributes(detached bool, user uint32) *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if detached {
		attr = &syscall.SysProcAttr{Setsid: true}
	}
	if user != 0 {
		attr.Credential = &syscall.Credential{Uid: user, Gid: user}
		attr.AmbientCaps = []uintptr{unix.CAP_DAC_READ_SEARCH}
	}
	return attr
}

// AdoptOrphans makes this process the parent of descendants whose own parent ends
// before them. Those that have ended then stay to be seen, with the time that they
// used, until this process ends. Elsewhere than on Linux it does nothing.
func AdoptOrphans() error {
	return unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
}

// awaitExit blocks until the child has ended and leaves it to be reaped.
func awaitExit(pid int) {
	for unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil) == unix.EINTR {
	}
}

func bootID() string {
	id, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(id))
}

// startTime is field 22 of /proc/<pid>/stat; the fields are counted behind the
// name, which is in parentheses and may itself hold spaces and parentheses.
func startTime(pid int) (ticks uint64, ok bool) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, false
	}
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 20 || fields[0][0] == 'X' {
		return 0, false
	}
	// The first thread of a killed process is a zombie before the others have let
	// go of its sockets.
	threads, err := strconv.Atoi(string(fields[17]))
	if err != nil || fields[0][0] == 'Z' && threads <= 1 {
		return 0, false
	}
	ticks, err = strconv.ParseUint(string(fields[19]), 10, 64)
	return ticks, err == nil
}

func listens(pid, port int) bool {
	inodes := listening(fmt.Sprintf("/proc/%d/net/tcp", pid), port)
	inodes = append(inodes, listening(fmt.Sprintf("/proc/%d/net/tcp6", pid), port)...)
	if len(inodes) == 0 {
		return false
	}
	dir := fmt.Sprintf("/proc/%d/fd", pid)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return false
	}
	for _, e := range entries {
		target, err := os.Readlink(dir + "/" + e.Name())
		if err != nil {
			continue
		}
		for _, inode := range inodes {
			if target == "socket:["+inode+"]" {
				return true
			}
		}
	}
	return false
}

// listening returns the inodes of the sockets that listen on port.
func listening(table string, port int) []string {
	f, err := os.Open(table)
	if err != nil {
		return nil
	}
	defer f.Close()
	suffix := fmt.Sprintf(":%04X", port)
	var inodes []string
	for s := bufio.NewScanner(f); s.Scan(); {
		fields := strings.Fields(s.Text())
		if len(fields) > 9 && fields[3] == "0A" && strings.HasSuffix(fields[1], suffix) {
			inodes = append(inodes, fields[9])
		}
	}
	return inodes
}
