package journal_test

import (
	"testing"

	"github.com/provingground/provingground/pkg/journal"
)

// One appender: the rate of the disk's syncs.
func BenchmarkAppendOneAtATime(b *testing.B) { benchmark(b, 1) }

// 128 appenders for each core share syncs.
func BenchmarkAppendTogether(b *testing.B) { benchmark(b, 128) }

func benchmark(b *testing.B, parallelism int) {
	j, err := journal.Open(journal.Directory(b.TempDir()), journal.Options{}, func([]byte) error { return nil })
	if err != nil {
		b.Fatal(err)
	}
	record := make([]byte, 1024)
	b.SetBytes(int64(len(record)))
	b.SetParallelism(parallelism)
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			if err := j.Append(record); err != nil {
				b.Fatal(err)
			}
		}
	})
	if err := j.Close(); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(j.Stats().Groups)/b.Elapsed().Seconds(), "syncs/s")
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
}
