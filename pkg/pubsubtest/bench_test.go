package pubsubtest_test

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"cloud.google.com/go/pubsub/v2/pstest"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/provingground/provingground/pkg/journal"
	"github.com/provingground/provingground/pkg/pubsubtest"
)

// The benchmarks measure for a fixed time and are meant for -benchtime 1x; the
// client is in the same process. `make bench-pubsub` runs them.
const (
	benchTime = 5 * time.Second
	messageKB = 1024
)

// backends are the servers that are compared.
func backends(b *testing.B, f func(b *testing.B, c *pubsub.Client)) {
	b.Run("memory", func(b *testing.B) {
		_, c := setup(b, pubsubtest.Options{})
		f(b, c)
	})
	b.Run("journal", func(b *testing.B) {
		_, c := setup(b, pubsubtest.Options{Folder: journal.Directory(b.TempDir())})
		f(b, c)
	})
	b.Run("pstest", func(b *testing.B) {
		srv := pstest.NewServer()
		b.Cleanup(func() { srv.Close() })
		c, err := pubsub.NewClient(context.Background(), "p", option.WithEndpoint(srv.Addr), option.WithoutAuthentication(),
			option.WithTelemetryDisabled(), option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())))
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { c.Close() })
		f(b, c)
	})
}

// BenchmarkPublish: the client's own batching, 1 KB, as fast as it goes.
func BenchmarkPublish(b *testing.B) {
	backends(b, func(b *testing.B, c *pubsub.Client) {
		createTopic(b, c, "orders")
		createSub(b, c, "mail", "orders", nil) // somebody wants them: they are kept
		b.ReportMetric(float64(publishFor(b, c, benchTime))/benchTime.Seconds(), "msgs/s")
		b.ReportMetric(0, "ns/op")
	})
}

// publishFor counts what was acknowledged in d.
func publishFor(b *testing.B, c *pubsub.Client, d time.Duration) int64 {
	p := c.Publisher("orders")
	p.PublishSettings.CountThreshold = 500
	p.PublishSettings.ByteThreshold = 1 << 20
	p.PublishSettings.DelayThreshold = 5 * time.Millisecond
	defer p.Stop()
	var acked atomic.Int64
	var waiting sync.WaitGroup
	window := make(chan struct{}, 5000)
	for end := time.Now().Add(d); time.Now().Before(end); {
		window <- struct{}{}
		result := p.Publish(context.Background(), &pubsub.Message{Data: make([]byte, messageKB)})
		waiting.Go(func() {
			defer func() { <-window }()
			if _, err := result.Get(context.Background()); err != nil {
				b.Error(err)
				return
			}
			acked.Add(1)
		})
	}
	n := acked.Load()
	waiting.Wait()
	return n
}

// fill publishes n messages of 1 KB in large batches.
func fill(b *testing.B, c *pubsub.Client, n int) {
	b.Helper()
	for n > 0 {
		request := &pubsubpb.PublishRequest{Topic: topicName("orders")}
		for range min(n, 1000) {
			request.Messages = append(request.Messages, &pubsubpb.PubsubMessage{Data: make([]byte, messageKB)})
		}
		n -= len(request.Messages)
		if _, err := c.TopicAdminClient.Publish(context.Background(), request); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkDeliver: a backlog is received and acknowledged on one stream.
func BenchmarkDeliver(b *testing.B) {
	backends(b, func(b *testing.B, c *pubsub.Client) {
		createTopic(b, c, "orders")
		createSub(b, c, "mail", "orders", nil)
		fill(b, c, 300_000)
		b.ReportMetric(deliverFor(b, c, benchTime), "msgs/s")
		b.ReportMetric(0, "ns/op")
	})
}

// deliverFor is the rate of acknowledged messages on one stream, until d or the
// last one.
func deliverFor(b *testing.B, c *pubsub.Client, d time.Duration) float64 {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	var n atomic.Int64
	s := c.Subscriber("mail")
	s.ReceiveSettings.NumGoroutines = 1
	s.ReceiveSettings.MaxOutstandingMessages = 10_000
	begin := time.Now()
	var last atomic.Int64
	err := s.Receive(ctx, func(_ context.Context, m *pubsub.Message) {
		m.Ack()
		n.Add(1)
		last.Store(int64(time.Since(begin)))
	})
	if err != nil {
		b.Error(err)
	}
	return float64(n.Load()) / time.Duration(max(last.Load(), 1)).Seconds()
}

// BenchmarkEndToEnd: 1,000 messages a second, one stream; latency counts from
// the intended time.
func BenchmarkEndToEnd(b *testing.B) {
	backends(b, func(b *testing.B, c *pubsub.Client) {
		createTopic(b, c, "orders")
		createSub(b, c, "mail", "orders", nil)
		latencies := endToEnd(b, c, 1000, benchTime)
		b.ReportMetric(0, "ns/op")
		b.ReportMetric(float64(len(latencies))/benchTime.Seconds(), "received/s")
		if len(latencies) > 0 {
			b.ReportMetric(float64(latencies[len(latencies)/2].Microseconds())/1000, "p50-ms")
			b.ReportMetric(float64(latencies[len(latencies)*99/100].Microseconds())/1000, "p99-ms")
		}
	})
}

// endToEnd returns the latencies of what arrived within d and two seconds more.
func endToEnd(b *testing.B, c *pubsub.Client, rate int, d time.Duration) []time.Duration {
	const warmUp = time.Second
	ctx, cancel := context.WithTimeout(context.Background(), warmUp+d+2*time.Second)
	defer cancel()
	begin := time.Now()
	var mu sync.Mutex
	var latencies []time.Duration
	var receiving sync.WaitGroup
	receiving.Go(func() {
		s := c.Subscriber("mail")
		s.ReceiveSettings.NumGoroutines = 1
		if err := s.Receive(ctx, func(_ context.Context, m *pubsub.Message) {
			now := time.Since(begin)
			m.Ack()
			due, err := strconv.ParseInt(m.Attributes["due"], 10, 64)
			if err != nil || time.Duration(due) < warmUp {
				return
			}
			mu.Lock()
			defer mu.Unlock()
			latencies = append(latencies, now-time.Duration(due))
		}); err != nil {
			b.Error(err)
		}
	})
	p := c.Publisher("orders")
	p.PublishSettings.DelayThreshold = time.Millisecond
	defer p.Stop()
	for due := time.Duration(0); due < warmUp+d; due += time.Second / time.Duration(rate) {
		time.Sleep(due - time.Since(begin))
		p.Publish(ctx, &pubsub.Message{Data: make([]byte, messageKB), Attributes: map[string]string{"due": fmt.Sprint(int64(due))}})
	}
	receiving.Wait()
	mu.Lock()
	defer mu.Unlock()
	slices.Sort(latencies)
	return latencies
}

// BenchmarkRetained: delivery while the topic retains a million messages, the
// same without, and what they cost.
func BenchmarkRetained(b *testing.B) {
	for _, retained := range []int{0, 1_000_000} {
		b.Run(strconv.Itoa(retained), func(b *testing.B) {
			_, c := setup(b, pubsubtest.Options{})
			topic := &pubsubpb.Topic{Name: topicName("orders"), MessageRetentionDuration: durationpb.New(time.Hour)}
			if _, err := c.TopicAdminClient.CreateTopic(context.Background(), topic); err != nil {
				b.Fatal(err)
			}
			before := heap()
			fill(b, c, retained)
			after := heap()
			createSub(b, c, "mail", "orders", nil)
			fill(b, c, 300_000)
			b.ReportMetric(deliverFor(b, c, benchTime), "msgs/s")
			b.ReportMetric(0, "ns/op")
			if retained > 0 {
				b.ReportMetric(float64(after-before)/float64(retained), "B/retained")
			}
		})
	}
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
