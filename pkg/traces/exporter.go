package traces

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/attribute"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"golang.org/x/time/rate"
)

// exporter sends spans without what they must not say, and takes the receiver's
// errors to the log: the library would hand them to a handler that is global.
type exporter struct {
	to    sdk.SpanExporter
	log   *slog.Logger
	ended chan struct{} // closed when nothing is sent any more
	end   func()

	mu    sync.Mutex
	lost  int            // spans, since the last line
	lines rate.Sometimes // guarded by itself
}

func newExporter(to sdk.SpanExporter, log *slog.Logger) *exporter {
	e := &exporter{to: to, log: log, ended: make(chan struct{}), lines: rate.Sometimes{First: 1, Interval: time.Minute}}
	e.end = sync.OnceFunc(func() { close(e.ended) })
	return e
}

// ExportSpans implements the library's SpanExporter. It never fails: what could not
// be sent is lost, and the log says so.
func (e *exporter) ExportSpans(ctx context.Context, spans []sdk.ReadOnlySpan) error {
	discreet := make([]sdk.ReadOnlySpan, len(spans))
	for i, s := range spans {
		discreet[i] = discreetly(s)
	}
	if err := e.to.ExportSpans(ctx, discreet); err != nil {
		e.complain(err, len(spans))
	}
	return nil
}

// Shutdown implements the library's SpanExporter, which calls it last of all.
func (e *exporter) Shutdown(ctx context.Context) error {
	defer e.end()
	return e.to.Shutdown(ctx)
}

// giveUp ends the export that is under way, and with it the library's last attempts.
func (e *exporter) giveUp(why error) {
	e.log.Warn("traces: not everything was sent before the end", "error", brief(why))
	ctx, cancel := context.WithTimeout(context.Background(), FlushTimeout)
	defer cancel()
	_ = e.to.Shutdown(ctx) // it is over either way
}

func (e *exporter) complain(err error, spans int) {
	e.mu.Lock()
	e.lost += spans
	e.mu.Unlock()
	e.lines.Do(func() {
		e.mu.Lock()
		lost := e.lost
		e.lost = 0
		e.mu.Unlock()
		e.log.Warn("traces: spans could not be sent", "lost", lost, "error", brief(err))
	})
}

// brief keeps a receiver's error page out of the log.
func brief(err error) string {
	const most = 300
	s := err.Error()
	return s[:min(len(s), most)]
}

// request is a span of an HTTP request without what tells of whom it came.
type request struct{ sdk.ReadOnlySpan }

// Attributes hides those that are not known to be harmless.
func (r request) Attributes() []attribute.KeyValue {
	return slices.DeleteFunc(slices.Clone(r.ReadOnlySpan.Attributes()), func(a attribute.KeyValue) bool { return !requestAttribute(a.Key) })
}

// Events hides the text and the stack of a panic, which net/http logs.
func (r request) Events() []sdk.Event { return nil }

func discreetly(s sdk.ReadOnlySpan) sdk.ReadOnlySpan {
	if s.InstrumentationScope().Name == otelhttp.ScopeName {
		return request{s}
	}
	return s
}

// requestAttribute is true for what may be said of a request. Not among it: path and
// query (ids, tokens), the client's address and agent, the texts of errors.
func requestAttribute(key attribute.Key) bool {
	switch key {
	case "http.request.method", "http.route", "http.response.status_code", "http.request.body.size", "http.response.body.size",
		"network.protocol.name", "network.protocol.version", "url.scheme", "error.type":
		return true
	}
	return false
}
