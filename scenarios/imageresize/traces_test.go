//go:build unix

package imageresize

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/provingground/provingground/pkg/role"
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

func TestAMalformedEndpointOfTracesIsAMistakeInTheConfiguration(t *testing.T) {
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318")
	env := map[string]string{"ADDR": "127.0.0.1:0", "ADMIN_ADDR": "127.0.0.1:0"}
	if _, err := NewProcess("api", func(name string) string { return env[name] }, io.Discard); !errors.Is(err, role.ErrUsage) || !strings.Contains(err.Error(), "OTEL_EXPORTER_OTLP_ENDPOINT must be a URL") {
		t.Errorf("error %v, want one about the endpoint", err)
	}
}
