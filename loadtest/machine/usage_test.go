package machine

import (
	"math"
	"testing"
	"time"
)

// The numbers: 1 is init, 10 the generator, 20 a role it started, 21 a child of
// the role, 30 a server, 40 somebody else.
func list() []Process {
	return []Process{{"load", Generator, 10}, {"api", Role, 20}, {"redis", Server, 30}}
}

func before() Snapshot {
	return snapshot(time.Unix(100, 0), cpuTimes{user: 1000, idle: 1000}, map[int]procStat{
		1:  {parent: 0},
		10: {parent: 1, self: 100, started: 1},
		20: {parent: 10, self: 200, started: 2},
		21: {parent: 20, self: 50, started: 3},
		30: {parent: 1, self: 300, started: 4},
		40: {parent: 1, self: 400, started: 5},
	}, list())
}

func after(change func(*cpuTimes, map[int]procStat)) Snapshot {
	cpu := cpuTimes{user: 1700, system: 100, idle: 1200} // 1000 ticks, 800 busy
	procs := map[int]procStat{
		1:  {parent: 0},
		10: {parent: 1, self: 200, started: 1, pages: 5},
		20: {parent: 10, self: 400, started: 2, pages: 7},
		21: {parent: 20, self: 100, started: 3, pages: 2},
		30: {parent: 1, self: 500, started: 4},
		40: {parent: 1, self: 650, started: 5},
	}
	change(&cpu, procs)
	return snapshot(time.Unix(105, 0), cpu, procs, list())
}

func TestUsageGoesToWhomItBelongs(t *testing.T) {
	type shares struct{ busy, generator, roles, servers, others float64 }
	for name, tc := range map[string]struct {
		change func(*cpuTimes, map[int]procStat)
		want   shares
	}{
		"nothing special": {
			func(*cpuTimes, map[int]procStat) {},
			shares{0.8, 0.1, 0.25, 0.2, 0.25},
		},
		"steal is others'": {
			func(c *cpuTimes, _ map[int]procStat) { c.steal += 100; c.idle -= 100 },
			shares{0.9, 0.1, 0.25, 0.2, 0.35},
		},
		"others are seen even where the sum misses them": {
			func(c *cpuTimes, _ map[int]procStat) { c.user -= 300; c.idle += 300 },
			shares{0.8, 0.1, 0.25, 0.2, 0.25},
		},
		"interrupts booked apart are shared out": {
			func(c *cpuTimes, _ map[int]procStat) { c.softirq += 80; c.idle -= 80 },
			shares{0.88, 0.1, 0.25, 0.2, 0.25 + 0.025},
		},
		"interrupts booked to processes stay there": {
			func(c *cpuTimes, _ map[int]procStat) { c.softirq += 100; c.user -= 100 },
			shares{0.8, 0.1, 0.25, 0.2, 0.25},
		},
		"a role that was killed and reaped counts its part of the window": {
			func(_ *cpuTimes, p map[int]procStat) {
				delete(p, 20)
				delete(p, 21)
				p[10] = procStat{parent: 1, self: 200, reaped: 500, started: 1}
			},
			shares{0.8, 0.1, 0.25, 0.2, 0.25},
		},
		"what a killed role left behind, adopted by the generator, counts with the roles": {
			func(_ *cpuTimes, p map[int]procStat) {
				delete(p, 20)
				p[21] = procStat{parent: 10, self: 100, started: 3}
				p[10] = procStat{parent: 1, self: 200, reaped: 400, started: 1}
			},
			shares{0.8, 0.1, 0.25, 0.2, 0.25},
		},
		"a number used again is another process": {
			func(_ *cpuTimes, p map[int]procStat) { p[30] = procStat{parent: 1, self: 200, started: 99} },
			shares{0.8, 0.1, 0.25, 0.2, 0.25},
		},
	} {
		t.Run(name, func(t *testing.T) {
			u := Between(before(), after(tc.change))
			got := shares{u.Busy, u.Generator, u.Roles, u.Servers, u.Others}
			for _, d := range []float64{
				got.busy - tc.want.busy, got.generator - tc.want.generator, got.roles - tc.want.roles,
				got.servers - tc.want.servers, got.others - tc.want.others,
			} {
				if math.Abs(d) > 1e-9 {
					t.Fatalf("got %+v, want %+v", got, tc.want)
				}
			}
			if u.Window != 5*time.Second {
				t.Errorf("window is %s", u.Window)
			}
		})
	}
}

func TestAProcessCountsWithItsChildren(t *testing.T) {
	u := Between(before(), after(func(*cpuTimes, map[int]procStat) {}))
	if role := u.Processes[1]; role.CPU != 2500*time.Millisecond || role.RSS%9 != 0 || role.RSS == 0 {
		t.Errorf("the role used %+v, want 2.5 s and 9 pages", role)
	}
}

func TestProcessLinesAreReadBehindAnyCommand(t *testing.T) {
	line := `77 (evil) R 1 (x) S 12 77 77 0 -1 4194560 1 2 3 4 11 22 33 44 20 0 9 0 555 123456 88 184 1 1 0`
	got, err := parseProc([]byte(line))
	want := procStat{parent: 12, self: 33, reaped: 77, started: 555, pages: 88}
	if err != nil || got != want {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	for _, broken := range []string{"", "1 (x)", "1 (x) S a b c", `1 (x) S 1 1 1 0 -1 1 1 2 3 4 x 2 3 4 20 0 9 0 5 1 8`} {
		if _, err := parseProc([]byte(broken)); err == nil {
			t.Errorf("%q: no error", broken)
		}
	}
}

func TestTheLineOfAllCoresIsRead(t *testing.T) {
	got, err := parseCPU([]byte("cpu  1 2 3 4 5 6 7 8 9 10\ncpu0 1 1 1 1 1 1 1 1 1 1\n"))
	want := cpuTimes{1, 2, 3, 4, 5, 6, 7, 8}
	if err != nil || got != want || got.busy() != 27 || got.total() != 36 {
		t.Errorf("got %+v busy %d total %d, %v", got, got.busy(), got.total(), err)
	}
	for _, broken := range []string{"", "cpu 1 2 3\n", "cpu a b c d e f g h\n", "intr 1 2 3 4 5 6 7 8 9\n"} {
		if _, err := parseCPU([]byte(broken)); err == nil {
			t.Errorf("%q: no error", broken)
		}
	}
}
