package traces_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"

	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/provingground/provingground/pkg/traces"
)

// A request sends a message, and whoever consumes it links back. In a program the
// provider comes from traces.Open, which returns nil where nobody wants traces.
func Example() {
	sent := tracetest.NewInMemoryExporter()
	p := traces.New(sent, "shop", slog.New(slog.DiscardHandler))

	queue := make(chan map[string]string, 1)
	orders := http.NewServeMux()
	orders.HandleFunc("POST /orders", func(_ http.ResponseWriter, r *http.Request) { queue <- p.Carry(r.Context()) })
	p.Handler(orders).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/orders", nil))

	ship := func(context.Context) error { return nil }
	if err := p.Process(context.Background(), traces.Channel{System: "aws_sqs", Name: "shipping"}, ship, <-queue); err != nil {
		fmt.Println(err)
	}
	if err := p.Flush(context.Background()); err != nil {
		fmt.Println(err)
	}
	request, work := sent.GetSpans()[0], sent.GetSpans()[1]
	fmt.Println(request.Name, "/", work.Name)
	fmt.Println("linked:", work.Links[0].SpanContext.TraceID() == request.SpanContext.TraceID())
	p.Close()
	// Output:
	// POST /orders / process shipping
	// linked: true
}
