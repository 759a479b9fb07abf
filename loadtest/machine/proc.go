package machine

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// ticks are those of /proc, a hundredth of a second on every Linux.
type ticks int64

func (t ticks) duration() time.Duration { return time.Duration(t) * 10 * time.Millisecond }

// cpuTimes is the first line of /proc/stat: all cores since boot.
type cpuTimes struct {
	user, nice, system, idle, iowait, irq, softirq, steal ticks
}

// tasks is the time the kernel books as user or system time.
func (c cpuTimes) tasks() ticks      { return c.user + c.nice + c.system }
func (c cpuTimes) interrupts() ticks { return c.irq + c.softirq }
func (c cpuTimes) busy() ticks       { return c.tasks() + c.interrupts() + c.steal }
func (c cpuTimes) total() ticks      { return c.busy() + c.idle + c.iowait }

func (c cpuTimes) sub(b cpuTimes) cpuTimes {
	return cpuTimes{
		c.user - b.user, c.nice - b.nice, c.system - b.system, c.idle - b.idle,
		c.iowait - b.iowait, c.irq - b.irq, c.softirq - b.softirq, c.steal - b.steal,
	}
}

func parseCPU(stat []byte) (cpuTimes, error) {
	line, _, _ := bytes.Cut(stat, []byte{'\n'})
	f := strings.Fields(string(line))
	if len(f) < 9 || f[0] != "cpu" {
		return cpuTimes{}, fmt.Errorf("machine: /proc/stat: first line %.80q", line)
	}
	n, err := numbers(f[1:9])
	if err != nil {
		return cpuTimes{}, fmt.Errorf("machine: /proc/stat: %w", err)
	}
	return cpuTimes{n[0], n[1], n[2], n[3], n[4], n[5], n[6], n[7]}, nil
}

// procStat is what /proc/<pid>/stat says about a process.
type procStat struct {
	parent  int
	self    ticks // user and system
	reaped  ticks // of children that ended and were waited for
	started ticks // since boot: tells a process from a later one with its number
	pages   int64
}

// parseProc takes the line apart behind the command, which may hold anything.
func parseProc(line []byte) (procStat, error) {
	end := bytes.LastIndexByte(line, ')')
	f := strings.Fields(string(line[end+1:]))
	if end < 0 || len(f) < 22 {
		return procStat{}, fmt.Errorf("machine: process line %.80q", line)
	}
	// The fields of proc(5), whose third comes first here.
	n, err := numbers([]string{f[1], f[11], f[12], f[13], f[14], f[19], f[21]})
	if err != nil {
		return procStat{}, fmt.Errorf("machine: process line: %w", err)
	}
	return procStat{
		parent: int(n[0]), self: n[1] + n[2], reaped: n[3] + n[4], started: n[5], pages: int64(n[6]),
	}, nil
}

func numbers(fields []string) ([]ticks, error) {
	out := make([]ticks, len(fields))
	for i, f := range fields {
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return nil, err
		}
		out[i] = ticks(n)
	}
	return out, nil
}

func readCPU() (cpuTimes, error) {
	b, err := os.ReadFile("/proc/stat")
	if err != nil {
		return cpuTimes{}, fmt.Errorf("machine: %w", err)
	}
	return parseCPU(b)
}

// readProcs reads every process that can be seen.
func readProcs() (map[int]procStat, error) {
	dirs, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return nil, fmt.Errorf("machine: %w", err)
	}
	procs := make(map[int]procStat, len(dirs))
	for _, dir := range dirs {
		pid, err := strconv.Atoi(filepath.Base(dir))
		if err != nil {
			continue
		}
		b, err := os.ReadFile(filepath.Join(dir, "stat"))
		if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
			continue // it ended meanwhile
		}
		if err != nil {
			return nil, fmt.Errorf("machine: %w", err)
		}
		if procs[pid], err = parseProc(b); err != nil {
			return nil, err
		}
	}
	return procs, nil
}
