//go:build unix

package imageresize

import (
	"context"
	"testing"
	"time"

	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/provingground/provingground/pkg/traces"
)

func TestAWorkerTracesEachMessageAndSendsTheRestAtItsEnd(t *testing.T) {
	c := newCluster(t)
	sent := tracetest.NewInMemoryExporter()
	p := &Process{Addr: "127.0.0.1:0", AdminAddr: "127.0.0.1:0", Log: c.log, Traces: traces.New(keeping{sent}, "test", c.log), metrics: newMetrics()}
	stop := start(t, func(ctx context.Context) {
		if err := RunWorker(ctx, p, c.cfg, c.names, Work{Jobs: 1, Memory: 256 << 20, Visibility: 4 * time.Second}); err != nil {
			t.Error(err)
		}
	})
	c.send(t, `{"half":`)
	eventually(t, "it is dead", func() bool { return len(c.dead(t, `{"half":`)) == 1 })
	stop()
	failed := 0
	for _, s := range sent.GetSpans() { // S3 itself sends an event for a test, which is no failure
		if s.Name != "process imageresize-events" || len(s.Links) != 0 {
			t.Errorf("span %q has links %v, want none", s.Name, s.Links)
		}
		if s.Status.Code == codes.Error {
			failed++
		}
	}
	if failed != 1 {
		t.Errorf("%d spans of failures, want 1", failed)
	}
}

// keeping keeps what it got when it is shut down.
type keeping struct{ *tracetest.InMemoryExporter }

// Shutdown implements the library's SpanExporter.
func (keeping) Shutdown(context.Context) error { return nil }
