//go:build unix

package ordernotify

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sns"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/provingground/provingground/pkg/role"
	"github.com/provingground/provingground/pkg/role/roletest"
	"github.com/provingground/provingground/pkg/sqsconsumer"
	"github.com/provingground/provingground/pkg/sqsconsumer/deadqueue"
	"github.com/provingground/provingground/pkg/traces"
)

// role runs one as its program does, with the cluster's traces, until the test ends.
func (c *cluster) role(t *testing.T, run func(context.Context, *Process) error) (url string) {
	t.Helper()
	return roletest.Serve(t, func(ctx context.Context, addr string) error {
		return run(ctx, &Process{Addr: addr, AdminAddr: "127.0.0.1:0", DB: c.db, Log: c.log, Traces: c.traces})
	})
}

// named returns the spans of a name in the order in which they ended.
func (c *cluster) named(t *testing.T, sent *tracetest.InMemoryExporter, name string) (found []tracetest.SpanStub) {
	t.Helper()
	if err := c.traces.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, s := range sent.GetSpans() {
		if s.Name == name {
			found = append(found, s)
		}
	}
	return found
}

func linked(from, to tracetest.SpanStub) bool {
	return len(from.Links) == 1 && from.Links[0].SpanContext.SpanID() == to.SpanContext.SpanID() && from.Links[0].SpanContext.TraceID() == to.SpanContext.TraceID()
}

// startClumsyInventory has the first message fail, which SQS then delivers again, and
// die.
func (c *cluster) startClumsyInventory(t *testing.T) (stop func()) {
	t.Helper()
	var attempts atomic.Int32
	handle := func(context.Context, sqsconsumer.Message) error {
		if attempts.Add(1) == 1 {
			return errors.New("once more")
		}
		return sqsconsumer.Permanent(errors.New("enough"))
	}
	q := c.queue(t, "ordernotify-inventory")
	consumer := consumer(q, c.db, newMetrics(), c.log, 4*time.Second, traced(c.traces, q, handle))
	return start(t, func(ctx context.Context) {
		if err := consumer.Run(ctx); err != nil {
			t.Error(err)
		}
	})
}

func TestEveryAttemptAtAnOrderLeadsBackToItsRequest(t *testing.T) {
	c := newCluster(t)
	sent := tracetest.NewInMemoryExporter()
	c.traces = traces.New(sent, "test", c.log)
	c.http.URL = c.role(t, func(ctx context.Context, p *Process) error { return RunAPI(ctx, p, 1e6, "token") })
	c.role(t, func(ctx context.Context, p *Process) error {
		return RunRelay(ctx, p, sns.NewFromConfig(c.cfg), topicARN)
	})
	c.role(t, func(ctx context.Context, p *Process) error {
		return RunEmail(ctx, p, c.sqs, Mail{
			Client: c.ses, From: sender, ConfigurationSet: "ordernotify", Queue: "ordernotify-email", SESEvents: "ordernotify-ses-events",
			Sender: "test/1", Lease: 10 * time.Second, EventWait: time.Second,
		}, 4*time.Second)
	})
	stop := c.startClumsyInventory(t)
	id := c.place(t, c.product(t, 5), 2)
	eventually(t, "it is dead", func() bool { return len(c.dead(t, "ordernotify-inventory", id)) == 1 })
	stop()
	c.role(t, func(ctx context.Context, p *Process) error {
		return RunInventory(ctx, p, c.sqs, "ordernotify-inventory", 4*time.Second)
	})

	letters, err := deadqueue.Open(t.Context(), c.sqs, "ordernotify-inventory")
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is redriven", func() bool {
		sent, err := letters.Redrive(t.Context(), "", "")
		if err != nil {
			t.Fatal(err)
		}
		return len(sent) == 1
	})
	c.settled(t, id, Confirmed, "confirmed", "received")

	requests := c.named(t, sent, "POST /api/orders")
	if len(requests) != 1 {
		t.Fatalf("%d requests, want 1", len(requests))
	}
	request := requests[0]
	eventually(t, "three attempts of inventory are seen", func() bool { return len(c.named(t, sent, "process ordernotify-inventory")) == 3 })
	attempts := c.named(t, sent, "process ordernotify-inventory")
	for n, a := range attempts {
		if !linked(a, request) || a.SpanContext.TraceID() == request.SpanContext.TraceID() {
			t.Errorf("attempt %d has links %v, want a trace of its own with a link to %v", n+1, a.Links, request.SpanContext)
		}
		if failed := a.Status.Code == codes.Error; failed != (n < 2) {
			t.Errorf("attempt %d failed: %v", n+1, failed)
		}
	}
	decision := attempts[2]
	eventually(t, "both mails are seen", func() bool { return len(c.named(t, sent, "process ordernotify-email")) == 2 })
	mails := c.named(t, sent, "process ordernotify-email")
	if !linked(mails[0], request) || !linked(mails[1], decision) {
		t.Errorf("the mails link to %v and %v, want the request and the decision", mails[0].Links, mails[1].Links)
	}
	publishes := c.named(t, sent, "send ordernotify-events")
	if len(publishes) != 2 || !linked(publishes[0], request) || !linked(publishes[1], decision) {
		t.Errorf("%d publishes: %+v, want one for the request and one for the decision", len(publishes), publishes)
	}
	for _, s := range sent.GetSpans() {
		for _, a := range s.Attributes {
			if v := a.Value.String(); strings.Contains(v, id) || strings.Contains(v, "ada@example.com") {
				t.Errorf("span %q says %s=%q", s.Name, a.Key, v)
			}
		}
	}
}

func TestWithoutTracesMessagesCarryNone(t *testing.T) {
	c := newCluster(t)
	c.place(t, c.product(t, 5), 2)
	c.wantRows(t, 0, "SELECT count(*) FROM order_events WHERE attributes IS NOT NULL")
	c.wantRows(t, 1, "SELECT count(*) FROM order_events")
}

func TestAMalformedEndpointOfTracesIsAMistakeInTheConfiguration(t *testing.T) {
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318")
	env := map[string]string{"ADDR": "127.0.0.1:0", "ADMIN_ADDR": "127.0.0.1:0"}
	if _, err := NewProcess(t.Context(), "relay", func(name string) string { return env[name] }, 0, io.Discard); !errors.Is(err, role.ErrUsage) || !strings.Contains(err.Error(), "OTEL_EXPORTER_OTLP_ENDPOINT must be a URL") {
		t.Errorf("error %v, want one about the endpoint", err)
	}
}
