//go:build unix

package webhooks

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	oteltrace "go.opentelemetry.io/otel/trace"

	"github.com/provingground/provingground/pkg/role"
	"github.com/provingground/provingground/pkg/role/roletest"
	"github.com/provingground/provingground/pkg/traces"
)

// role runs one as its program does, with the cluster's traces, until the test ends.
func (c *cluster) role(t *testing.T, run func(context.Context, Common) error) (url string) {
	t.Helper()
	return roletest.Serve(t, func(ctx context.Context, addr string) error {
		return run(ctx, Common{Addr: addr, AdminAddr: "127.0.0.1:0", Client: c.client, Log: c.log, Traces: c.traces})
	})
}

// trace gives the cluster a receiver with traces, and returns where they go.
func (c *cluster) trace(t *testing.T) *tracetest.InMemoryExporter {
	t.Helper()
	sent := tracetest.NewInMemoryExporter()
	c.traces = traces.New(sent, "test", c.log)
	c.urls[0] = c.role(t, func(ctx context.Context, common Common) error {
		return RunReceiver(ctx, common, "webhooks-events", Providers(paymentKeys(), repoKeys()), 1e6)
	})
	return sent
}

func (c *cluster) traceProcessor(t *testing.T) {
	t.Helper()
	c.role(t, func(ctx context.Context, common Common) error {
		return RunProcessor(ctx, common, Processor{DB: c.db, Pool: 1, Instances: 1, Subscription: "webhooks-processor", DeadTopic: "webhooks-dead"})
	})
}

// linksOf returns to which spans those of a name link, by whether they failed.
func (c *cluster) linksOf(t *testing.T, sent *tracetest.InMemoryExporter, name string, failed bool) map[oteltrace.SpanID]bool {
	t.Helper()
	if err := c.traces.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	all := map[oteltrace.SpanID]bool{}
	for _, s := range sent.GetSpans() {
		if s.Name != name || (s.Status.Code == codes.Error) != failed {
			continue
		}
		for _, l := range s.Links {
			all[l.SpanContext.SpanID()] = true
		}
	}
	return all
}

func count(t *testing.T, c prometheus.Counter) float64 {
	t.Helper()
	var m dto.Metric
	if err := c.Write(&m); err != nil {
		t.Fatal(err)
	}
	return m.GetCounter().GetValue()
}

// TestTheSpanOfATransactionLinksToTheRequestsOfItsEvents has a processor without a
// database give events back, and another one apply them.
func TestTheSpanOfATransactionLinksToTheRequestsOfItsEvents(t *testing.T) {
	c := newCluster(t)
	sent := c.trace(t)
	const work = "process webhooks-processor"
	c.accept(t, body("evt_1", nil))
	c.accept(t, body("evt_2", map[string]any{"account": "other"}))
	if err := c.traces.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	requests := sent.GetSpans()
	if len(requests) != 2 || requests[0].Name != "POST /webhooks/{provider}" {
		t.Fatalf("spans %+v, want those of two requests", requests)
	}
	away := openDatabase(t, c.db.Config().ConnString())
	away.Close()
	m := newMetrics()
	stop := c.startProcessorOn(t, &inbox{away}, m)
	eventually(t, "it has tried", func() bool { return count(t, m.away) > 0 })
	stop()
	c.traceProcessor(t)
	eventually(t, "both are applied", func() bool { return c.rows(t) == 2 })
	eventually(t, "the transaction is seen", func() bool { return len(c.linksOf(t, sent, work, false)) == 2 })
	applied, failed := c.linksOf(t, sent, work, false), c.linksOf(t, sent, work, true)
	for _, r := range requests {
		if !applied[r.SpanContext.SpanID()] {
			t.Errorf("no transaction links to the request %v", r.SpanContext)
		}
	}
	if len(failed) == 0 {
		t.Error("no failed attempt has a link")
	}
	for id := range failed {
		if !applied[id] {
			t.Errorf("a failed attempt links to %v, which is no request", id)
		}
	}
}

func TestADeadLetterKeepsTheTraceOfItsRequest(t *testing.T) {
	c := newCluster(t)
	sent := c.trace(t)
	lost := time.Now().Add(-10 * day)
	if _, err := c.db.Exec(t.Context(), "DROP TABLE inbox_"+lost.UTC().Format("20060102")); err != nil {
		t.Fatal(err)
	}
	c.accept(t, body("evt_1", map[string]any{"created": lost.Unix()}))
	c.startProcessor(t) // the role itself would make the partition again
	letter := c.dead(t, 1)[0]
	if err := c.traces.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	request := sent.GetSpans()[0].SpanContext
	if got := letter["traceparent"]; !strings.Contains(got, request.TraceID().String()) {
		t.Errorf("the dead letter has traceparent %q, want trace %s", got, request.TraceID())
	}
}

func TestAMalformedEndpointOfTracesIsAMistakeInTheConfiguration(t *testing.T) {
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318")
	env := map[string]string{"ADDR": "127.0.0.1:0", "ADMIN_ADDR": "127.0.0.1:0", "GOOGLE_CLOUD_PROJECT": "p"}
	if _, err := NewCommon(t.Context(), "receiver", func(name string) string { return env[name] }, io.Discard); !errors.Is(err, role.ErrUsage) || !strings.Contains(err.Error(), "OTEL_EXPORTER_OTLP_ENDPOINT must be a URL") {
		t.Errorf("error %v, want one about the endpoint", err)
	}
}
