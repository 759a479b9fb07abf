package machine

import (
	"os"
	"time"
)

// A Usage is what was used between two snapshots. Shares are of all cores, 0 to 1.
type Usage struct {
	Window time.Duration

	Busy                      float64 // everything below, and interrupts
	Generator, Roles, Servers float64
	Others                    float64 // processes not listed, their part of interrupts, and steal
	Interrupts                float64 // of Busy: the kernel's, where it books them apart
	Steal                     float64 // of Others: taken by the hypervisor

	Processes []ProcessUsage // as listed in the later snapshot
}

// ProcessUsage is one listed process with its descendants.
type ProcessUsage struct {
	Process
	CPU time.Duration // user and system, of ended descendants too
	RSS int64         // bytes resident at the later snapshot, shared pages counted per process
	// RSSBefore are those at the earlier snapshot, 0 if it did not run then.
	RSSBefore int64
}

// Between returns what was used from before to after. A process that is listed
// only in after counts from its start.
//
// Time of a child that ended goes to whoever waited for it, as the kernel books
// it; what a generator reaps, or adopts, counts as roles, since those are what it
// starts and kills. The time of a listed process that ended and whose parent is not listed
// counts as others.
func Between(before, after Snapshot) Usage {
	d := after.cpu.sub(before.cpu)
	used := newLedger(before, after)
	u := Usage{Window: after.At.Sub(before.At)}
	share := func(t ticks) float64 {
		return float64(max(t, 0)) / float64(max(d.total(), 1))
	}
	u.Busy, u.Steal = share(d.busy()), share(d.steal)
	u.Generator, u.Roles, u.Servers = share(used.groups[Generator]), share(used.groups[Role]), share(used.groups[Server])
	u.Others = share(used.others(d))
	if !used.withInterrupts(d) {
		u.Interrupts = share(d.interrupts())
	}
	u.Busy = min(1, max(u.Busy, u.Generator+u.Roles+u.Servers+u.Others))
	page := int64(os.Getpagesize())
	for i, p := range after.list {
		u.Processes = append(u.Processes, ProcessUsage{
			Process: p, CPU: max(used.processes[i], 0).duration(),
			RSS: used.pages[i] * page, RSSBefore: used.pagesBefore[i] * page,
		})
	}
	return u
}

// ledger adds up ticks by who used them.
type ledger struct {
	groups    map[Group]ticks
	processes []ticks
	all       ticks // of all processes that can be seen

	pages, pagesBefore []int64
}

func newLedger(before, after Snapshot) *ledger {
	l := &ledger{
		groups:    map[Group]ticks{},
		processes: make([]ticks, len(after.list)),
		pages:     make([]int64, len(after.list)),

		pagesBefore: make([]int64, len(after.list)),
	}
	for pid, p := range after.procs {
		l.grown(pid, p, before, after)
	}
	for pid, p := range before.procs {
		if q, ok := after.procs[pid]; !ok || q.started != p.started {
			l.ended(pid, p, before, after)
		}
	}
	return l
}

// grown books what a living process has used since before.
func (l *ledger) grown(pid int, p procStat, before, after Snapshot) {
	self, reaped, pages := p.self, p.reaped, int64(0)
	if q, ok := before.procs[pid]; ok && q.started == p.started {
		self, reaped, pages = self-q.self, reaped-q.reaped, q.pages
	}
	l.all += self + reaped
	i, ok := after.owner[pid]
	if !ok {
		return
	}
	l.pages[i] += p.pages
	l.pagesBefore[i] += pages
	l.processes[i] += self + reaped
	group := after.list[i].Group
	l.groups[reapedGroup(group)] += reaped
	if pid != after.list[i].PID {
		group = reapedGroup(group)
	}
	l.groups[group] += self
}

// ended takes off what a process that is gone had used before the window: its
// whole life is now booked with the ancestor that waited for it.
func (l *ledger) ended(pid int, p procStat, before, after Snapshot) {
	for range len(before.procs) {
		parent := before.procs[pid].parent
		if q, ok := after.procs[parent]; ok && q.started == before.procs[parent].started {
			l.takeOff(parent, p.self+p.reaped, after)
			return
		}
		pid = parent
	}
}

func (l *ledger) takeOff(ancestor int, t ticks, after Snapshot) {
	l.all -= t
	i, ok := after.owner[ancestor]
	if !ok {
		return
	}
	l.processes[i] -= t
	l.groups[reapedGroup(after.list[i].Group)] -= t
}

func reapedGroup(g Group) Group {
	if g == Generator {
		return Role
	}
	return g
}

func (l *ledger) ours() ticks {
	return l.groups[Generator] + l.groups[Role] + l.groups[Server]
}

// withInterrupts reports whether the kernel books interrupts, which carry most
// of the cost of loopback TCP, to the process that was running. It is a matter
// of its configuration, and shows in the sum over all processes.
func (l *ledger) withInterrupts(d cpuTimes) bool {
	return l.all > d.tasks()+d.interrupts()/2
}

// others is what the machine used and we did not, at least what can be seen of
// other processes: many kernels sample the sum at their clock tick and miss
// processes that run between two ticks, while each process is measured exactly.
// Interrupts that are booked to nobody are shared out in proportion: most belong
// to the load itself.
func (l *ledger) others(d cpuTimes) ticks {
	seen := max(l.all-l.ours(), 0)
	if l.withInterrupts(d) {
		return max(d.tasks()+d.interrupts()-l.ours(), seen) + d.steal
	}
	rest := max(d.tasks()-l.ours(), seen)
	return rest + rest*d.interrupts()/max(d.tasks(), 1) + d.steal
}
