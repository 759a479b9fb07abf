package engine_test

import (
	"context"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/provingground/provingground/loadtest/engine"
)

func TestMemoryIsFlatOverHours(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const hours = 4
		heap := map[time.Duration]uint64{} // by hour
		f := flow(engine.Constant{Rate: 1, Duration: hours * time.Hour}, func(_ context.Context, k int64) engine.Outcome {
			time.Sleep(time.Millisecond)
			if k == 10_000 {
				time.Sleep(3 * time.Second) // one bad moment
			}
			return engine.Outcome{Kind: engine.OK}
		})
		f.Workers = 1
		o := engine.Options{OnSecond: func(p engine.Progress) {
			if p.Elapsed%time.Hour == 0 {
				heap[p.Elapsed/time.Hour] = inUse()
			}
		}}
		r := run(t, t.Context(), o, f)
		if r.Measured.Completed != hours*3600 {
			t.Errorf("%d requests ended, want %d", r.Measured.Completed, hours*3600)
		}
		if heap[2] == 0 || heap[hours] > heap[2]+64<<10 {
			t.Errorf("%d bytes in use after %d hours, %d after 2", heap[hours], hours, heap[2])
		}
		checkLongSeries(t, r.Series)
	})
}

func inUse() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// checkLongSeries wants every second once, and the bad moment still to be seen.
func checkLongSeries(t *testing.T, series []engine.Second) {
	t.Helper()
	if n := len(series); n > 3600 || series[0].Seconds != 4 {
		t.Errorf("%d entries of %d s, want at most 3,600 of 4 s", n, series[0].Seconds)
	}
	next, worst := 0, engine.Second{}
	for _, s := range series {
		if s.Second != next {
			t.Fatalf("an entry starts at second %d, want %d", s.Second, next)
		}
		next += s.Seconds
		if s.Max > worst.Max {
			worst = s
		}
		var heat int64
		for _, n := range s.Heat {
			heat += int64(n)
		}
		if heat != s.OK {
			t.Errorf("second %d: %d successes, %d of them in the buckets", s.Second, s.OK, heat)
		}
	}
	if worst.Max < 3*time.Second || worst.Second > 10_003 || worst.Second+worst.Seconds < 10_003 {
		t.Errorf("the bad moment is %+v, want it at second 10,003", worst)
	}
}
