package servicebustest_test

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"

	"github.com/provingground/provingground/pkg/journal"
	"github.com/provingground/provingground/pkg/servicebustest"
)

// Client and server share the cores. Bodies have 256 bytes.
const (
	bodySize  = 256
	batchSize = 500
	senders   = 32
)

// stores runs a benchmark in memory and with a journal.
func stores(b *testing.B, f func(b *testing.B, c *client)) {
	b.Run("memory", func(b *testing.B) { f(b, benchmarked(b, "")) })
	b.Run("journal", func(b *testing.B) { f(b, benchmarked(b, b.TempDir())) })
}

// client is a client of a server with the queue q.
type client struct {
	server   *servicebustest.Server
	sender   *azservicebus.Sender
	receiver *azservicebus.Receiver

	journaled bool
}

func benchmarked(b *testing.B, dir string) *client {
	b.Helper()
	s, err := servicebustest.NewServer(servicebustest.Options{JournalDir: dir})
	if err != nil {
		b.Fatal(err)
	}
	if err := s.CreateQueue("q", servicebustest.Settings{}); err != nil {
		b.Fatal(err)
	}
	c, err := azservicebus.NewClientFromConnectionString(s.ConnectionString(), nil)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = c.Close(context.Background())
		if err := s.Close(); err != nil {
			b.Error(err)
		}
	})
	sender, err := c.NewSender("q", nil)
	if err != nil {
		b.Fatal(err)
	}
	receiver, err := c.NewReceiverForQueue("q", nil)
	if err != nil {
		b.Fatal(err)
	}
	return &client{server: s, sender: sender, receiver: receiver, journaled: dir != ""}
}

// fill sends n messages in batches.
func (c *client) fill(b *testing.B, n int) {
	b.Helper()
	body := make([]byte, bodySize)
	for n > 0 {
		batch, err := c.sender.NewMessageBatch(b.Context(), nil)
		if err != nil {
			b.Fatal(err)
		}
		for range min(n, batchSize) {
			if err := batch.AddMessage(&azservicebus.Message{Body: body}, nil); err != nil {
				b.Fatal(err)
			}
		}
		if err := c.sender.SendMessageBatch(b.Context(), batch, nil); err != nil {
			b.Fatal(err)
		}
		n -= batchSize
	}
}

// drain receives n messages, 500 at a time, and completes 64 at a time.
func (c *client) drain(b *testing.B, n int) {
	b.Helper()
	slots := make(chan struct{}, 64)
	var settling sync.WaitGroup
	for got := 0; got < n; {
		messages, err := c.receiver.ReceiveMessages(b.Context(), min(batchSize, n-got), nil)
		if err != nil {
			b.Fatal(err)
		}
		got += len(messages)
		for _, m := range messages {
			slots <- struct{}{}
			settling.Go(func() {
				if err := c.receiver.CompleteMessage(b.Context(), m, nil); err != nil {
					b.Error(err)
				}
				<-slots
			})
		}
	}
	settling.Wait()
}

func perSecond(b *testing.B, n int) {
	b.Helper()
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "messages/s")
}

func BenchmarkSendWith32Senders(b *testing.B) {
	var inMemory float64
	stores(b, func(b *testing.B, c *client) {
		body := make([]byte, bodySize)
		c.fill(b, 1)
		b.SetParallelism((senders + runtime.GOMAXPROCS(0) - 1) / runtime.GOMAXPROCS(0))
		b.ResetTimer()
		var failed atomic.Pointer[error]
		b.RunParallel(func(p *testing.PB) {
			for p.Next() {
				if err := c.sender.SendMessage(b.Context(), &azservicebus.Message{Body: body}, nil); err != nil {
					failed.Store(&err)
				}
			}
		})
		if err := failed.Load(); err != nil {
			b.Fatal(*err)
		}
		perSecond(b, b.N)
		if c.journaled {
			besideTheDisk(b, inMemory)
			return
		}
		inMemory = float64(b.N) / b.Elapsed().Seconds()
	})
}

// besideTheDisk also prints what the disk allows, measured right after the
// sends, because a disk's rate changes from one minute to the next:
//
//	syncs/s     one that appends to a journal, and so syncs each record
//	appends/s   32 that append to a journal and do nothing else
//	of-allowed  the rate of the sends, as a part of what the syncs allow
//
// None of the 32 sends again before a sync is over, and the cores are theirs as in
// memory: if one sync always took the records of all, a round of 32 would last as
// long as 32 sends in memory and one sync.
func besideTheDisk(b *testing.B, inMemory float64) {
	b.Helper()
	sends := float64(b.N) / b.Elapsed().Seconds()
	b.StopTimer()
	syncs := appendRate(b, 1, b.N/senders+1)
	b.ReportMetric(syncs, "syncs/s")
	b.ReportMetric(appendRate(b, senders, b.N), "appends/s")
	if inMemory > 0 { // else only this half was asked for
		b.ReportMetric(sends*(1/inMemory+1/(senders*syncs)), "of-allowed")
	}
}

// appendRate is that of n records that so many appenders give to a journal.
func appendRate(b *testing.B, side, n int) float64 {
	b.Helper()
	j, err := journal.Open(journal.Directory(b.TempDir()), journal.Options{}, func([]byte) error { return nil })
	if err != nil {
		b.Fatal(err)
	}
	record := make([]byte, bodySize+100)
	var left atomic.Int64
	left.Store(int64(n))
	var appenders sync.WaitGroup
	begun := time.Now()
	for range side {
		appenders.Go(func() {
			for left.Add(-1) >= 0 {
				if err := j.Append(record); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	appenders.Wait()
	rate := float64(n) / time.Since(begun).Seconds()
	if err := j.Close(); err != nil {
		b.Fatal(err)
	}
	return rate
}

func BenchmarkSendInBatches(b *testing.B) {
	stores(b, func(b *testing.B, c *client) {
		c.fill(b, 1)
		b.ResetTimer()
		c.fill(b, b.N)
		perSecond(b, b.N)
	})
}

func BenchmarkReceiveAndComplete(b *testing.B) {
	stores(b, func(b *testing.B, c *client) {
		c.fill(b, b.N)
		b.ResetTimer()
		c.drain(b, b.N)
		perSecond(b, b.N)
	})
}

// BenchmarkReceiveOfAMillion also says what a queued message takes in memory,
// in this process.
func BenchmarkReceiveOfAMillion(b *testing.B) {
	c := benchmarked(b, "")
	before := heap()
	c.fill(b, 1_000_000)
	each := float64(heap()-before) / 1_000_000
	b.ResetTimer()
	c.drain(b, b.N)
	perSecond(b, b.N)
	b.ReportMetric(each, "B/message")
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
