package traces

import (
	"net/http"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/propagation"
)

// Handler gives each request a span, named by its method and the pattern that
// net/http's mux found for it. A handler that serves a copy of the request (as by
// WithContext) must set the Pattern of the one that it got for that.
//
// A traceparent that comes with the request becomes a link and not the parent: who
// may call decides neither what is sampled here, nor what a trace is called.
func (p *Provider) Handler(next http.Handler) http.Handler {
	if p == nil {
		return next
	}
	return otelhttp.NewHandler(next, "request",
		otelhttp.WithTracerProvider(p.spans),
		otelhttp.WithPropagators(propagation.TraceContext{}),
		otelhttp.WithPublicEndpointFn(func(*http.Request) bool { return true }),
	)
}
