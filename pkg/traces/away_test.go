package traces_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	sdk "go.opentelemetry.io/otel/sdk/trace"

	"github.com/provingground/provingground/pkg/traces"
)

// hanging is a receiver that answers only when the exporter is shut down.
type hanging struct {
	over  chan struct{}
	end   func()
	mu    *sync.Mutex
	spans *int
}

func newHanging() hanging {
	over := make(chan struct{})
	return hanging{over, sync.OnceFunc(func() { close(over) }), new(sync.Mutex), new(int)}
}

func (h hanging) ExportSpans(_ context.Context, spans []sdk.ReadOnlySpan) error {
	h.mu.Lock()
	*h.spans += len(spans)
	h.mu.Unlock()
	<-h.over
	return errors.New("cut off")
}

func (h hanging) Shutdown(context.Context) error { h.end(); return nil }

func process(t *testing.T, p *traces.Provider, n int) {
	t.Helper()
	for range n {
		if err := p.Process(t.Context(), channel(), func(context.Context) error { return nil }); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAReceiverThatHangsStopsNobodyAndTheEndIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		t.Setenv("OTEL_BSP_MAX_QUEUE_SIZE", "100")
		t.Setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "10")
		h := newHanging()
		p := traces.New(h, "test", quiet())
		began := time.Now()
		process(t, p, 10_000)
		if took := time.Since(began); took != 0 {
			t.Errorf("the work waited for %s", took)
		}
		p.Close()
		if took := time.Since(began); took != traces.FlushTimeout {
			t.Errorf("the end took %s, want %s", took, traces.FlushTimeout)
		}
		// What was under way, and the queue: the rest was dropped.
		if *h.spans == 0 || *h.spans > 120 {
			t.Errorf("%d spans were kept, want at most the queue and what is under way", *h.spans)
		}
	})
}

// failing is a receiver that refuses everything.
type failing struct{}

func (failing) ExportSpans(context.Context, []sdk.ReadOnlySpan) error {
	return errors.New("connection refused" + strings.Repeat(" again", 1000))
}
func (failing) Shutdown(context.Context) error { return nil }

func TestTheLogSaysOnceAMinuteThatTheReceiverIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		p := traces.New(failing{}, "test", slog.New(slog.NewTextHandler(&log, nil)))
		defer p.Close()
		for range 10 {
			process(t, p, 3)
			time.Sleep(5 * time.Second) // of the bubble's clock: the batch leaves
			synctest.Wait()
		}
		if n := strings.Count(log.String(), "\n"); n != 1 || !strings.Contains(log.String(), "lost=3") || len(log.String()) > 600 {
			t.Errorf("after 50 s %d lines: %s", n, log.String())
		}
		time.Sleep(time.Minute)
		process(t, p, 1)
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if n := strings.Count(log.String(), "\n"); n != 2 || !strings.Contains(log.String(), "lost=28") {
			t.Errorf("after a minute more %d lines: %s", n, log.String())
		}
	})
}
