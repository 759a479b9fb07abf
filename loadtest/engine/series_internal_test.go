package engine

import "testing"

func TestASeriesOfDaysStaysWithinItsBound(t *testing.T) {
	const seconds = 7 * 86_400
	var s series
	for i := range seconds {
		s.add(Second{Second: i, Seconds: 1, Sent: 2, P99: 5, Workers: 3})
		if len(s.entries) > maxSeries {
			t.Fatalf("%d entries after %d seconds", len(s.entries), i+1)
		}
	}
	if s.width != 256 || cap(s.entries) > 2*maxSeries {
		t.Errorf("entries of %d s in a slice of %d, want 256 s", s.width, cap(s.entries))
	}
	next, sent := 0, int64(0)
	for i, e := range s.entries {
		if e.Second != next || e.Seconds != s.width && i < len(s.entries)-1 || e.P99 != 5 || e.Workers != 3 {
			t.Fatalf("entry %d is %+v, want it to start at %d", i, e, next)
		}
		next += e.Seconds
		sent += e.Sent
	}
	if next != seconds || sent != 2*seconds {
		t.Errorf("%d seconds with %d sent, want %d with %d", next, sent, seconds, 2*seconds)
	}
}
