package proxy_test

import (
	"slices"
	"testing"
	"time"

	"github.com/provingground/provingground/loadtest/faults/proxy"
	"github.com/provingground/provingground/loadtest/faults/proxy/proxytest"
)

// BenchmarkRoundTrip is one small operation after the other on one connection:
// what a proxy adds to each is the difference to direct.
func BenchmarkRoundTrip(b *testing.B) {
	s := startServer(b)
	p := proxytest.Start(b, s.addr(), lineProtocol)
	raw := proxytest.Start(b, s.addr(), nil)
	watched := proxytest.Start(b, s.addr(), lineProtocol)
	proxytest.Inject(b, watched, proxy.Match{Operation: "other"}, proxy.Reset())
	for _, way := range []struct{ name, addr string }{{"direct", s.addr()}, {"raw", raw.Addr()}, {"operations", p.Addr()}, {"fault", watched.Addr()}} {
		b.Run(way.name, func(b *testing.B) {
			c := dial(b, way.addr)
			var took []time.Duration
			for b.Loop() {
				at := time.Now()
				if _, err := c.ask("a"); err != nil {
					b.Fatal(err)
				}
				took = append(took, time.Since(at))
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Nanoseconds())/1e3, "p50-µs")
			b.ReportMetric(float64(took[len(took)*99/100].Nanoseconds())/1e3, "p99-µs")
		})
	}
}
