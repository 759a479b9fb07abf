//go:build linux

package main

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestWhatNeverArrivesIsNamedWithTheLastAnswer(t *testing.T) {
	var asked atomic.Int32
	jaeger := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if asked.Add(1) == 2 {
			io.WriteString(w, `{"data":[{"traceID":"1"}]}`)
			return
		}
		io.WriteString(w, `{"data":[]}`)
	}))
	defer jaeger.Close()
	if err := await(t.Context(), jaeger.URL, `"traceID"`); err != nil || asked.Load() != 2 {
		t.Errorf("error %v after %d answers, the second of which has it", err, asked.Load())
	}
	why := errors.New("too late")
	ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, why)
	defer cancel()
	if err := await(ctx, jaeger.URL, `"traceID"`); !errors.Is(err, why) || !strings.Contains(err.Error(), `{\"data\":[]}`) {
		t.Errorf("error %v, want the cause and the last answer", err)
	}
}

func TestTheDashboardAsksForAllScenarios(t *testing.T) {
	t.Chdir("../../..")
	questions, err := panels()
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range questions {
		if strings.Contains(q, "$") {
			t.Errorf("%s: a variable of Grafana's is left, which Prometheus does not know", q)
		}
	}
	if len(questions) == 0 {
		t.Error("it asks nothing")
	}
}
