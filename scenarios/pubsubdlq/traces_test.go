//go:build unix

package pubsubdlq

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/provingground/provingground/pkg/role"
	"github.com/provingground/provingground/pkg/role/roletest"
	"github.com/provingground/provingground/pkg/traces"
)

// role runs one as its program does, with the cluster's traces, until the test ends.
func (c *cluster) role(t *testing.T, run func(context.Context, *Process) error) (url string) {
	t.Helper()
	return roletest.Serve(t, func(ctx context.Context, addr string) error {
		return run(ctx, &Process{Addr: addr, AdminAddr: "127.0.0.1:0", PubSub: c.client, DB: c.db, Log: c.log, Traces: c.traces, metrics: newMetrics()})
	})
}

// TestEveryAttemptAtAnEventLeadsBackToItsRequest follows one that fails five times,
// dies, is sent back from the desk, and is charged.
func TestEveryAttemptAtAnEventLeadsBackToItsRequest(t *testing.T) {
	c := newCluster(t)
	sent := tracetest.NewInMemoryExporter()
	c.traces = traces.New(sent, "test", c.log)
	t.Cleanup(c.traces.Close)
	c.intake.URL = c.role(t, func(ctx context.Context, p *Process) error { return RunPublisher(ctx, p, "pubsubdlq-events", 1e6) })
	c.set(t, "unpriced", `{}`)
	c.role(t, func(ctx context.Context, p *Process) error {
		return RunSubscriber(ctx, p, Subscriber{Subscription: "pubsubdlq-subscriber", DeadTopic: "pubsubdlq-dead", OnPoison: Skip, Outstanding: 50}, token)
	})
	c.startDeadLetters(t)
	c.use(t, "", "unpriced", `"data":{"units":7}`)
	eventually(t, "it is dead", func() bool { return c.letters(t) == "keeps-failing open" })
	c.set(t, "unpriced", `{"price":10}`)
	if status := c.atDesk(t, "PUT", "/api/redrives/priced", `{"reason":"keeps-failing"}`, nil); status != 202 {
		t.Fatalf("redrive: %d", status)
	}
	eventually(t, "it is charged", func() bool { return c.charged(t, "unpriced") == "7" })

	var request tracetest.SpanStub
	var attempts []tracetest.SpanStub
	eventually(t, "six attempts are seen", func() bool {
		if err := c.traces.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		attempts = nil
		for _, s := range sent.GetSpans() {
			switch s.Name {
			case "POST /api/usage":
				request = s
			case "process pubsubdlq-subscriber":
				attempts = append(attempts, s)
			}
		}
		return len(attempts) >= 6
	})
	for n, a := range attempts {
		if len(a.Links) != 1 || a.Links[0].SpanContext.SpanID() != request.SpanContext.SpanID() || a.SpanContext.TraceID() == request.SpanContext.TraceID() {
			t.Errorf("attempt %d has links %v, want a trace of its own with a link to %v", n+1, a.Links, request.SpanContext)
		}
		if failed := a.Status.Code == codes.Error; failed != (n < 5) {
			t.Errorf("attempt %d failed: %v", n+1, failed)
		}
	}
}

func TestAMalformedEndpointOfTracesIsAMistakeInTheConfiguration(t *testing.T) {
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318")
	env := map[string]string{"ADDR": "127.0.0.1:0", "ADMIN_ADDR": "127.0.0.1:0", "GOOGLE_CLOUD_PROJECT": "p"}
	if _, err := NewProcess(t.Context(), "publisher", func(name string) string { return env[name] }, io.Discard); !errors.Is(err, role.ErrUsage) || !strings.Contains(err.Error(), "OTEL_EXPORTER_OTLP_ENDPOINT must be a URL") {
		t.Errorf("error %v, want one about the endpoint", err)
	}
}
