package engine

import (
	"context"
	"testing"
	"time"
)

type instant struct{}

func (instant) Send(context.Context, int64) Outcome { return Outcome{Kind: OK, Status: 200} }
func (instant) Close() error                        { return nil }

func TestTheHotPathDoesNotAllocate(t *testing.T) {
	f := newInstantFlow(t)
	w := f.workers[0]
	for range 20_000 { // both buffers reach their size
		w.next(t.Context())
	}
	f.collect()
	for range 20_000 {
		w.next(t.Context())
	}
	f.collect()
	allocs := testing.AllocsPerRun(10_000, func() { w.next(t.Context()) })
	if allocs != 0 {
		t.Errorf("%v allocations per request, want 0", allocs)
	}
}

// BenchmarkWorker is what the engine adds to a request: claim, clock, record.
func BenchmarkWorker(b *testing.B) {
	f := newInstantFlow(b)
	w := f.workers[0]
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		w.next(b.Context())
		if n%1000 == 999 {
			f.collect()
		}
	}
}

// newInstantFlow has all its arrivals due at once.
func newInstantFlow(t testing.TB) *flow {
	t.Helper()
	r, err := newRun(Options{}, []Flow{{
		Schedule: Constant{Rate: 1e12, Duration: time.Hour},
		Workers:  1,
		New:      func(int) (Sender, error) { return instant{}, nil },
	}})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.hire(); err != nil {
		t.Fatal(err)
	}
	r.start = time.Now()
	return r.flows[0]
}

func TestASecondThatComesTooLateIsNotLost(t *testing.T) {
	var s seconds
	s.at(0).Sent++
	s.at(2500*time.Millisecond).Sent++
	s.close()
	s.at(300*time.Millisecond).Sent++ // second 0 is closed
	if sec := s.close(); sec.Second != 1 || sec.Sent != 1 {
		t.Errorf("second 1 is %+v, want the latecomer in it", sec)
	}
	if sec := s.close(); sec.Second != 2 || sec.Sent != 1 {
		t.Errorf("second 2 is %+v", sec)
	}
	if len(s.open) != 0 {
		t.Errorf("%d seconds are open, want none", len(s.open))
	}
}
