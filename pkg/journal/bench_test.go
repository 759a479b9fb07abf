package journal_test

import (
	"sync"
	"sync/atomic"
	"testing"

	"github.com/provingground/provingground/pkg/journal"
)

// One appender: the rate of the disk's syncs.
func BenchmarkAppendOneAtATime(b *testing.B) { benchmark(b, 1) }

// 256 appenders share syncs.
func BenchmarkAppendTogether(b *testing.B) { benchmark(b, 256) }

func benchmark(b *testing.B, appenders int) {
	j, err := journal.Open(journal.Directory(b.TempDir()), journal.Options{}, func([]byte) error { return nil })
	if err != nil {
		b.Fatal(err)
	}
	record := make([]byte, 1024)
	b.SetBytes(int64(len(record)))
	var left atomic.Int64
	left.Store(int64(b.N))
	var running sync.WaitGroup
	for range appenders {
		running.Go(func() {
			for left.Add(-1) >= 0 {
				if err := j.Append(record); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	running.Wait()
	if err := j.Close(); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(j.Stats().Groups)/b.Elapsed().Seconds(), "syncs/s")
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
}
