package traces_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/provingground/provingground/pkg/traces"
)

// strangers is a trace that somebody else began.
const (
	strangersTrace = "4bf92f3577b34da6a3ce929d0e0e4736"
	strangers      = "00-" + strangersTrace + "-00f067aa0ba902b7-01"
	unsampled      = "00-" + strangersTrace + "-00f067aa0ba902b7-00"
)

func channel() traces.Channel { return traces.Channel{System: "aws_sqs", Name: "orders"} }

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// world is a provider whose spans the test looks at.
type world struct {
	*traces.Provider
	sent *tracetest.InMemoryExporter
}

func newWorld(t *testing.T) world {
	t.Helper()
	w := world{sent: tracetest.NewInMemoryExporter()}
	w.Provider = traces.New(w.sent, "test", quiet())
	t.Cleanup(w.Close)
	return w
}

// spans returns what was sent by now, by name.
func (w world) spans(t *testing.T) map[string]tracetest.SpanStub {
	t.Helper()
	if err := w.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	all := map[string]tracetest.SpanStub{}
	for _, s := range w.sent.GetSpans() {
		all[s.Name] = s
	}
	return all
}

// ask sends a request to a handler behind the provider. It returns an error if there
// was no answer.
func (w world) ask(t *testing.T, pattern, path string, handle http.HandlerFunc) error {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc(pattern, handle)
	srv := httptest.NewServer(w.Handler(mux))
	defer srv.Close()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, srv.URL+path, strings.NewReader("ada@example.com"))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("traceparent", strangers)
	req.Header.Set("User-Agent", "Ada's own")
	req.Header.Set("X-Forwarded-For", "203.0.113.7")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

func TestAMessageLeadsBackToTheRequestThatSentIt(t *testing.T) {
	w := newWorld(t)
	var message map[string]string
	if err := w.ask(t, "POST /orders/{id}", "/orders/secret?token=secret", func(_ http.ResponseWriter, r *http.Request) { message = w.Carry(r.Context()) }); err != nil {
		t.Fatal(err)
	}
	for range 2 { // it is delivered again
		if err := w.Process(t.Context(), channel(), func(context.Context) error { return nil }, message); err != nil {
			t.Fatal(err)
		}
	}
	all := w.spans(t)
	request, work := all["POST /orders/{id}"], all["process orders"]
	if n := len(w.sent.GetSpans()); n != 3 {
		t.Errorf("%d spans, want one of the request and two of the message", n)
	}
	if request.Parent.IsValid() || len(request.Links) != 1 || request.Links[0].SpanContext.TraceID().String() != strangersTrace {
		t.Errorf("the request has parent %v and links %v, want a trace of its own with a link to the stranger's", request.Parent, request.Links)
	}
	if work.Parent.IsValid() || len(work.Links) != 1 || work.Links[0].SpanContext.SpanID() != request.SpanContext.SpanID() || work.SpanContext.TraceID() == request.SpanContext.TraceID() {
		t.Errorf("the work has parent %v and links %v, want a trace of its own with a link to the request", work.Parent, work.Links)
	}
	if work.SpanKind != trace.SpanKindConsumer || work.Status.Code != codes.Unset {
		t.Errorf("the work's span is a %s and says %s", work.SpanKind, work.Status.Code)
	}
}

func TestARequestTellsNothingOfWhomItCame(t *testing.T) {
	w := newWorld(t)
	err := w.ask(t, "POST /orders/{id}", "/orders/secret?token=secret", func(rw http.ResponseWriter, r *http.Request) {
		if _, err := io.ReadAll(http.MaxBytesReader(rw, r.Body, 3)); err == nil {
			t.Error("the body was read to its end")
		}
		panic("ada@example.com")
	})
	if err == nil {
		t.Error("the client got an answer, want a broken connection")
	}
	if w.spans(t); len(w.sent.GetSpans()) != 1 {
		t.Fatalf("%d spans, want 1", len(w.sent.GetSpans()))
	}
	s := w.sent.GetSpans()[0]
	var names []string
	for _, a := range s.Attributes {
		names = append(names, string(a.Key))
		if v := a.Value.String(); strings.Contains(v, "secret") || strings.Contains(v, "ada") || strings.Contains(v, "Ada") || strings.Contains(v, "127.0.0.1") || strings.Contains(v, "203.0.113.7") {
			t.Errorf("attribute %s says %q", a.Key, v)
		}
	}
	if len(s.Events) != 0 {
		t.Errorf("events %v, want none", s.Events)
	}
	if !slices.Contains(names, "http.request.method") {
		t.Errorf("attributes %q, want the method among them", names)
	}
}

func TestAnErrorOrAPanicMarksTheSpanAndSaysNoMore(t *testing.T) {
	w := newWorld(t)
	failed := errors.New("order of ada@example.com")
	if err := w.Process(t.Context(), channel(), func(context.Context) error { return failed }); !errors.Is(err, failed) {
		t.Errorf("Process = %v, want the work's own error", err)
	}
	func() {
		defer func() {
			if p := recover(); p != "ada@example.com" {
				t.Errorf("recovered %v, want the panic itself", p)
			}
		}()
		_ = w.Process(t.Context(), channel(), func(context.Context) error { panic("ada@example.com") })
	}()
	w.spans(t)
	all := w.sent.GetSpans()
	if len(all) != 2 {
		t.Fatalf("%d spans, want 2", len(all))
	}
	for _, s := range all {
		if s.Status.Code != codes.Error || s.Status.Description != "" || len(s.Events) != 0 {
			t.Errorf("status %+v, events %v", s.Status, s.Events)
		}
	}
}

func TestABatchLinksToEveryRequest(t *testing.T) {
	w := newWorld(t)
	var batch []map[string]string
	for range traces.MaxLinks {
		if err := w.Process(t.Context(), channel(), func(ctx context.Context) error { batch = append(batch, w.Carry(ctx)); return nil }); err != nil {
			t.Fatal(err)
		}
	}
	batch[0] = nil                                             // one that comes from elsewhere
	batch[1] = map[string]string{"traceparent": "00-nonsense"} // and one that makes no sense
	if err := w.Send(t.Context(), traces.Channel{System: "aws.sns", Name: "events"}, func(context.Context) error { return nil }, batch...); err != nil {
		t.Fatal(err)
	}
	s := w.spans(t)["send events"]
	if len(s.Links) != traces.MaxLinks-2 || s.DroppedLinks != 0 {
		t.Errorf("%d links, %d dropped; want %d", len(s.Links), s.DroppedLinks, traces.MaxLinks-2)
	}
}

func TestWhereATraceBeganItWasDecidedWhetherItIsSampled(t *testing.T) {
	t.Setenv("OTEL_TRACES_SAMPLER", "always_off")
	w := newWorld(t)
	var message, next map[string]string
	if err := w.ask(t, "POST /orders", "/orders", func(_ http.ResponseWriter, r *http.Request) { message = w.Carry(r.Context()) }); err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(message["traceparent"], "-00") {
		t.Errorf("traceparent %q, want one that is not sampled, although the stranger's is", message["traceparent"])
	}
	work := func(ctx context.Context) error { next = w.Carry(ctx); return nil }
	for _, m := range []map[string]string{message, {"traceparent": unsampled}, nil} {
		if err := w.Process(t.Context(), channel(), work, m); err != nil {
			t.Fatal(err)
		}
		if m != nil && next["traceparent"] != m["traceparent"] {
			t.Errorf("what follows carries %q, want %q", next["traceparent"], m["traceparent"])
		}
	}
	if all := w.spans(t); len(all) != 0 {
		t.Errorf("spans %v, want none", all)
	}
	if err := w.Process(t.Context(), channel(), work, map[string]string{"traceparent": unsampled}, map[string]string{"traceparent": strangers}); err != nil {
		t.Fatal(err)
	}
	if s := w.spans(t)["process orders"]; len(s.Links) != 1 || s.Links[0].SpanContext.TraceID().String() != strangersTrace {
		t.Errorf("links %v, want one to the message that was sampled", s.Links)
	}
}
