package engine_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/provingground/provingground/loadtest/engine"
	"github.com/provingground/provingground/loadtest/http1"
	"github.com/provingground/provingground/loadtest/machine"
)

const serveVariable = "ENGINE_TEST_SERVE"

// TestMain lets the test binary be the server too: in a process of its own, its
// processor time is not counted as ours.
func TestMain(m *testing.M) {
	if os.Getenv(serveVariable) == "" {
		os.Exit(m.Run())
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	if err := machine.ReferenceServer(ctx, "127.0.0.1:0", os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// server starts the server, or takes the one that BENCH_ADDR names.
func server(b *testing.B) string {
	b.Helper()
	if addr := os.Getenv("BENCH_ADDR"); addr != "" {
		return addr
	}
	cmd := exec.CommandContext(b.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), serveVariable+"=1", "GOMAXPROCS=2")
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = cmd.Wait() })
	addr, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		b.Fatal(err)
	}
	return strings.TrimSpace(addr)
}

func redirects(b *testing.B, addr string, s engine.Schedule, workers int) engine.Flow {
	b.Helper()
	request, err := http1.NewRequest("GET", "/", addr, nil)
	if err != nil {
		b.Fatal(err)
	}
	return engine.Flow{
		Name: "redirects", Schedule: s, Workers: workers,
		New: func(int) (engine.Sender, error) {
			return &reader{client: http1.Client{Addr: addr}, request: request}, nil
		},
	}
}

// slice is every n-th arrival of a schedule: what a connection would own if
// arrivals were dealt out in advance.
type slice struct {
	engine.Schedule
	first, step int64
}

func (s slice) At(k int64) (time.Duration, bool) { return s.Schedule.At(s.first + k*s.step) }

// BenchmarkRate compares workers that claim arrivals with connections that each
// own a slice, and reports the processor time that a request costs the engine.
// One iteration is a run of 3 s: use -benchtime 1x and GOMAXPROCS=1.
func BenchmarkRate(b *testing.B) {
	const workers = 64
	for _, rate := range []float64{10_000, 30_000} {
		s := engine.Constant{Rate: rate, Duration: 3 * time.Second}
		b.Run(fmt.Sprintf("claiming/%.0f", rate), func(b *testing.B) {
			f := redirects(b, server(b), s, workers)
			benchmark(b, f)
		})
		b.Run(fmt.Sprintf("slices/%.0f", rate), func(b *testing.B) {
			addr := server(b)
			var flows []engine.Flow
			for i := range int64(workers) {
				flows = append(flows, redirects(b, addr, slice{s, i, workers}, 1))
			}
			benchmark(b, flows...)
		})
	}
}

// BenchmarkSaturated sends all arrivals at once: the most that 64 connections
// carry.
func BenchmarkSaturated(b *testing.B) {
	s := engine.Constant{Rate: 1e9, Duration: 100 * time.Microsecond} // 100,000
	f := redirects(b, server(b), s, 64)
	start := time.Now()
	benchmark(b, f)
	b.ReportMetric(100_000*float64(b.N)/time.Since(start).Seconds(), "req/s")
}

func benchmark(b *testing.B, flows ...engine.Flow) {
	b.Helper()
	var completed int64
	before := cpu(b)
	var last engine.FlowResult
	for b.Loop() {
		res, err := engine.Run(b.Context(), engine.Options{Settle: 30 * time.Second}, flows...)
		if err != nil {
			b.Fatal(err)
		}
		for _, f := range res.Flows {
			completed += f.Measured.Completed
			if f.Measured.Failed() > 0 {
				b.Fatalf("%+v", f.Measured)
			}
		}
		last = res.Flows[0]
	}
	used := cpu(b) - before
	b.ReportMetric(float64(used.Microseconds())/float64(completed), "cpu-µs/req")
	b.ReportMetric(milliseconds(last.Lag.Quantile(0.5)), "lag-p50-ms")
	b.ReportMetric(milliseconds(last.Lag.Quantile(0.99)), "lag-p99-ms")
	b.ReportMetric(milliseconds(last.LatencyOK.Quantile(0.99)), "p99-ms")
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// cpu is the processor time that this process has used.
func cpu(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
