// Package traces sends OpenTelemetry traces, and carries them through messages.
//
// It is switched on by the standard variables: without an endpoint [Open] returns
// nil, and a nil [Provider] does nothing. Its methods may be called all the same:
// the handler is then served as it is, and no attribute is added to a message.
//
// A request gets a span. Whoever consumes a message does not go on in the trace of
// the request that sent it, for it may come later, several times, or in one batch
// with others: it begins a trace of its own, whose span links to those requests. So
// a trace stays as long as a request, and every attempt at a message, also one that
// comes from a dead-letter queue, leads back to where it began.
//
//	request ─ span ─ Carry ─▶ attribute "traceparent" ─▶ queue ─▶ Process ─ span with a link
//
// Whether a message is traced was decided where its trace began: a sampled link makes
// a span, whatever this process's own sampler says of new traces.
//
// Spans wait in a bounded queue and leave in batches. When the receiver is away they
// are dropped and a line a minute says so; nobody waits for it.
//
// Nothing about people is sent: of a request its route, method and status, and no
// path, query, header, address or agent; of a message where it went; of an error that
// there was one. See requestAttribute.
package traces

import (
	"context"
	"log/slog"
	"net"
	"os"
	"strconv"
	"time"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

const (
	// FlushTimeout bounds how long Close waits for the receiver.
	FlushTimeout = 2 * time.Second
	// MaxLinks is how many links a span keeps, unless OTEL_SPAN_LINK_COUNT_LIMIT says
	// otherwise: one for each message of a batch.
	MaxLinks = 256

	scope = "github.com/provingground/provingground/pkg/traces"
)

// A Provider makes spans and sends them. A nil one does nothing and costs nothing.
// Its methods are safe for concurrent use.
type Provider struct {
	exporter *exporter
	spans    *sdk.TracerProvider // of traces that begin here, sampled as OTEL_TRACES_SAMPLER says
	always   *sdk.TracerProvider // of what follows from a sampled trace
}

// Open returns a provider that sends to an OTLP receiver by HTTP, or nil if the
// environment names none. service is the name without OTEL_SERVICE_NAME. It does no
// I/O: a receiver that is not there yet is no error. The caller closes it.
//
// It is the environment of the process that counts, because the library reads it:
// OTEL_EXPORTER_OTLP_[TRACES_]ENDPOINT switches on, OTEL_SDK_DISABLED=true and
// OTEL_TRACES_EXPORTER=none switch off; OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES,
// OTEL_TRACES_SAMPLER[_ARG], OTEL_EXPORTER_OTLP_[TRACES_]HEADERS, _TIMEOUT,
// _CERTIFICATE and OTEL_BSP_* mean what the specification says.
func Open(service string, log *slog.Logger) (*Provider, error) {
	on, err := wanted(os.Getenv)
	if err != nil || !on {
		return nil, err
	}
	otlp, err := otlptracehttp.New(context.Background())
	if err != nil {
		return nil, err
	}
	return New(otlp, service, log), nil
}

// New returns a provider that sends to an exporter, whose Shutdown must end an export
// that is under way. Tests give it go.opentelemetry.io/otel/sdk/trace/tracetest's.
func New(to sdk.SpanExporter, service string, log *slog.Logger) *Provider {
	e := newExporter(to, log)
	batches := sdk.NewBatchSpanProcessor(e)
	limits := sdk.NewSpanLimits()
	if os.Getenv("OTEL_SPAN_LINK_COUNT_LIMIT") == "" {
		limits.LinkCountLimit = MaxLinks
	}
	options := []sdk.TracerProviderOption{sdk.WithSpanProcessor(batches), sdk.WithResource(describe(service)), sdk.WithRawSpanLimits(limits)}
	return &Provider{
		exporter: e,
		spans:    sdk.NewTracerProvider(options...),
		always:   sdk.NewTracerProvider(append(options, sdk.WithSampler(sdk.AlwaysSample()))...),
	}
}

// describe says which process the spans are of. The library's own description has
// the command line, which may hold secrets.
func describe(service string) *resource.Resource {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	id := net.JoinHostPort(host, strconv.Itoa(os.Getpid()))
	ours := resource.NewSchemaless(semconv.ServiceName(service), semconv.ServiceInstanceID(id))
	if merged, err := resource.Merge(ours, resource.Environment()); err == nil {
		return merged
	}
	return ours
}

func tracer(p *sdk.TracerProvider) trace.Tracer { return p.Tracer(scope) }

// Flush sends what waits, or gives up when ctx ends.
func (p *Provider) Flush(ctx context.Context) error {
	if p == nil {
		return nil
	}
	return p.spans.ForceFlush(ctx)
}

// Close sends what waits within FlushTimeout, drops the rest, and ends the sending.
// Spans that end later are lost.
func (p *Provider) Close() {
	if p == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), FlushTimeout)
	defer cancel()
	if err := p.spans.Shutdown(ctx); err != nil {
		p.exporter.giveUp(err)
	}
	<-p.exporter.ended
}
