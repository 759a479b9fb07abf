package traces_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/provingground/provingground/pkg/traces"
)

// BenchmarkRequest shows what a request costs without traces, with one span that is
// sampled, and with one that is not.
func BenchmarkRequest(b *testing.B) {
	b.Run("off", func(b *testing.B) { serve(b, nil) })
	b.Run("sampled", func(b *testing.B) {
		p := traces.New(tracetest.NewNoopExporter(), "bench", quiet())
		defer p.Close()
		serve(b, p)
	})
	b.Run("not-sampled", func(b *testing.B) {
		b.Setenv("OTEL_TRACES_SAMPLER", "always_off")
		p := traces.New(tracetest.NewNoopExporter(), "bench", quiet())
		defer p.Close()
		serve(b, p)
	})
}

func serve(b *testing.B, p *traces.Provider) {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /orders", func(_ http.ResponseWriter, r *http.Request) { p.Carry(r.Context()) })
	h, r, w := p.Handler(mux), httptest.NewRequest(http.MethodPost, "/orders", nil), httptest.NewRecorder()
	b.ReportAllocs()
	for b.Loop() {
		h.ServeHTTP(w, r)
	}
}
