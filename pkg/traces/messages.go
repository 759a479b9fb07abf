package traces

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// A Channel is what messages go through: a topic, a queue, a subscription.
type Channel struct {
	System string // as OpenTelemetry names it, such as "aws_sqs" or "gcp_pubsub"
	Name   string
}

// Carry returns the attributes that a message needs to lead back to the span of ctx:
// W3C's traceparent, and tracestate where there is one. It returns nil without a span.
func (p *Provider) Carry(ctx context.Context) map[string]string {
	if p == nil || !trace.SpanContextFromContext(ctx).IsValid() {
		return nil
	}
	attributes := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, attributes)
	return attributes
}

// Process does work for messages that came, each given by its attributes, in a span
// that links to where they were sent. Of messages that were sent outside of any trace
// the sampler decides; for those whose traces were not sampled there is no span, and
// what work sends carries the first one's trace on. It returns what work does.
func (p *Provider) Process(ctx context.Context, from Channel, work func(context.Context) error, messages ...map[string]string) error {
	if p == nil {
		return work(ctx)
	}
	return p.linked(ctx, from, trace.SpanKindConsumer, semconv.MessagingOperationTypeProcess, work, messages)
}

// Each returns a handler of single messages that is [Provider.Process] around
// another one; without a provider it is that one.
func Each[M any](p *Provider, from Channel, attributes func(M) map[string]string, handle func(context.Context, M) error) func(context.Context, M) error {
	if p == nil {
		return handle
	}
	return func(ctx context.Context, m M) error {
		return p.Process(ctx, from, func(ctx context.Context) error { return handle(ctx, m) }, attributes(m))
	}
}

// Send does what Process does for messages that work sends on, such as those of an outbox.
func (p *Provider) Send(ctx context.Context, to Channel, work func(context.Context) error, messages ...map[string]string) error {
	if p == nil {
		return work(ctx)
	}
	return p.linked(ctx, to, trace.SpanKindProducer, semconv.MessagingOperationTypeSend, work, messages)
}

func (p *Provider) linked(ctx context.Context, c Channel, kind trace.SpanKind, operation attribute.KeyValue, work func(context.Context) error, messages []map[string]string) error {
	links, unsampled := origins(messages)
	provider := p.spans
	switch {
	case len(links) > 0:
		provider = p.always
	case unsampled.IsValid():
		return work(trace.ContextWithRemoteSpanContext(ctx, unsampled))
	}
	ctx, span := tracer(provider).Start(ctx, operation.Value.AsString()+" "+c.Name,
		trace.WithNewRoot(), trace.WithSpanKind(kind), trace.WithLinks(links...),
		trace.WithAttributes(
			operation, semconv.MessagingSystemKey.String(c.System), semconv.MessagingDestinationName(c.Name),
			semconv.MessagingBatchMessageCount(len(messages))))
	failed := true // so also if work panics, whose text stays out of the span
	defer func() {
		if failed {
			span.SetStatus(codes.Error, "")
		}
		span.End()
	}()
	err := work(ctx)
	failed = err != nil
	return err
}

// origins returns links to the sampled traces that messages come from, and the first
// that was not sampled.
func origins(messages []map[string]string) (links []trace.Link, unsampled trace.SpanContext) {
	for _, attributes := range messages {
		ctx := propagation.TraceContext{}.Extract(context.Background(), propagation.MapCarrier(attributes))
		switch origin := trace.SpanContextFromContext(ctx); {
		case origin.IsSampled():
			links = append(links, trace.Link{SpanContext: origin})
		case origin.IsValid() && !unsampled.IsValid():
			unsampled = origin
		}
	}
	return links, unsampled
}
