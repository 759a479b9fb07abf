package machine

import "time"

// A Snapshot is what everybody has used at one time. Two of them make a [Usage].
type Snapshot struct {
	At time.Time

	cpu   cpuTimes
	procs map[int]procStat
	owner map[int]int // process number to index in listed; absent for others
	list  []Process
}

// Take takes a snapshot. Processes that do not exist, because a drill has killed
// them, count nothing.
func Take(processes ...Process) (Snapshot, error) {
	if err := supported(); err != nil {
		return Snapshot{}, err
	}
	procs, err := readProcs()
	if err != nil {
		return Snapshot{}, err
	}
	cpu, err := readCPU()
	if err != nil {
		return Snapshot{}, err
	}
	return snapshot(time.Now(), cpu, procs, processes), nil
}

func snapshot(at time.Time, cpu cpuTimes, procs map[int]procStat, list []Process) Snapshot {
	listed := make(map[int]int, len(list))
	for i, p := range list {
		listed[p.PID] = i
	}
	owner := make(map[int]int)
	for pid := range procs {
		if i, ok := nearest(pid, procs, listed); ok {
			owner[pid] = i
		}
	}
	return Snapshot{At: at, cpu: cpu, procs: procs, owner: owner, list: list}
}

// nearest finds the listed process among pid and its ancestors.
func nearest(pid int, procs map[int]procStat, listed map[int]int) (int, bool) {
	// A listing that was read while processes came and went may hold a circle.
	for range len(procs) {
		if i, ok := listed[pid]; ok {
			return i, true
		}
		p, ok := procs[pid]
		if !ok {
			return 0, false
		}
		pid = p.parent
	}
	return 0, false
}
