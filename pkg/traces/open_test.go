package traces_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/provingground/provingground/pkg/traces"
)

func TestWithoutAnEndpointNothingIsThere(t *testing.T) {
	for _, env := range []map[string]string{
		{},
		{"OTEL_SDK_DISABLED": "true", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"},
		{"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"},
	} {
		p := open(t, env)
		if p != nil {
			t.Fatalf("with %v there is a provider", env)
		}
	}
	var p *traces.Provider
	mux := http.NewServeMux()
	if p.Handler(mux) != http.Handler(mux) {
		t.Error("the handler is wrapped")
	}
	ctx, failed := t.Context(), errors.New("failed")
	messages := []map[string]string{{"traceparent": strangers}}
	work := func(got context.Context) error {
		if got != ctx {
			t.Error("the work has another context")
		}
		return failed
	}
	if n := testing.AllocsPerRun(100, func() {
		if p.Carry(ctx) != nil || !errors.Is(p.Process(ctx, channel(), work, messages...), failed) || !errors.Is(p.Send(ctx, channel(), work, messages...), failed) {
			t.Error("it does more than the work")
		}
	}); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
	if err := p.Flush(ctx); err != nil {
		t.Error(err)
	}
	p.Close()
}

func open(t *testing.T, env map[string]string) *traces.Provider {
	t.Helper()
	for name, value := range env {
		t.Setenv(name, value)
	}
	p, err := traces.Open("shop-api", quiet())
	if err != nil {
		t.Fatalf("Open with %v: %v", env, err)
	}
	return p
}

func TestAMistakeInTheEnvironmentIsOneClearLine(t *testing.T) {
	for _, tt := range []struct{ name, value string }{
		{"OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318"},
		{"OTEL_EXPORTER_OTLP_ENDPOINT", "http://"},
		{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "/v1/traces"},
		{"OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"},
		{"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http"},
		{"OTEL_TRACES_EXPORTER", "zipkin"},
		{"OTEL_TRACES_SAMPLER", "sometimes"},
		{"OTEL_TRACES_SAMPLER_ARG", "NaN"},
		{"OTEL_TRACES_SAMPLER_ARG", "1.1"},
	} {
		t.Run(tt.name+"="+tt.value, func(t *testing.T) {
			t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318")
			t.Setenv("OTEL_TRACES_SAMPLER", "parentbased_traceidratio")
			t.Setenv(tt.name, tt.value)
			p, err := traces.Open("shop-api", quiet())
			if err == nil || p != nil || !strings.HasPrefix(err.Error(), tt.name+" must be ") || strings.Contains(err.Error(), "\n") {
				t.Errorf("Open = %v, %v; want an error about %s", p, err, tt.name)
			}
		})
	}
}

// TestSpansReachAReceiver has the library's own exporter talk to an HTTP server.
func TestSpansReachAReceiver(t *testing.T) {
	type export struct {
		path, contentType string
		body              []byte
	}
	exports := make(chan export, 1)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body io.Reader = r.Body
		if r.Header.Get("Content-Encoding") == "gzip" {
			unpacked, err := gzip.NewReader(r.Body)
			if err != nil {
				t.Error(err)
				return
			}
			body = unpacked
		}
		raw, err := io.ReadAll(body)
		if err != nil {
			t.Error(err)
		}
		exports <- export{r.URL.Path, r.Header.Get("Content-Type"), raw}
		w.Header().Set("Content-Type", "application/x-protobuf")
	}))
	defer srv.Close()
	p := open(t, map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": srv.URL})
	if err := p.Process(t.Context(), channel(), func(context.Context) error { return nil }); err != nil {
		t.Fatal(err)
	}
	p.Close() // sends what waits
	got := <-exports
	if got.path != "/v1/traces" || got.contentType != "application/x-protobuf" {
		t.Errorf("exported to %s as %s", got.path, got.contentType)
	}
	for _, want := range []string{"process orders", "shop-api", "aws_sqs"} {
		if !bytes.Contains(got.body, []byte(want)) {
			t.Errorf("what arrived does not say %q", want)
		}
	}
}
