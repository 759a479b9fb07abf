package process

import (
	"bytes"
	"os"
	"strconv"
)

// children returns the processes whose parent is pid.
func children(pid int) []int {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	var all []int
	for _, e := range entries {
		child, err := strconv.Atoi(e.Name())
		if err == nil && parent(child) == pid {
			all = append(all, child)
		}
	}
	return all
}

// parent is field 4 of /proc/<pid>/stat, counted as in startTime; 0 for a
// process that is gone.
func parent(pid int) int {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0
	}
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 2 {
		return 0
	}
	ppid, err := strconv.Atoi(string(fields[1]))
	if err != nil {
		return 0
	}
	return ppid
}
