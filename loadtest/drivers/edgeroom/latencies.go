package edgeroom

import (
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// latencies is a histogram that several goroutines write.
type latencies struct {
	mu *sync.Mutex
	h  *hdrhistogram.Histogram
}

func newLatencies() latencies {
	return latencies{&sync.Mutex{}, hdrhistogram.New(1, time.Minute.Microseconds(), 3)}
}

func (l latencies) add(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	_ = l.h.RecordValue(min(max(1, d.Microseconds()), time.Minute.Microseconds())) // within its range
}

func (l latencies) at(percent float64) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return time.Duration(l.h.ValueAtQuantile(percent)) * time.Microsecond
}

func (l latencies) count() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.h.TotalCount()
}
