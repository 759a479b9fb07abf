package balancer_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/provingground/provingground/loadtest/balancer"
)

// process answers /readyz as it is told.
type process struct {
	ready atomic.Bool
	url   string
}

func newProcess(t *testing.T) *process {
	t.Helper()
	p := &process{}
	p.ready.Store(true)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if !p.ready.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	t.Cleanup(srv.Close)
	p.url = srv.URL
	return p
}

func watch(t *testing.T, b *balancer.Balancer) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { b.Run(ctx); close(done) }()
	t.Cleanup(func() { stop(); <-done })
}

func await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("still not so: %s", what)
		}
	}
}

func TestADrainingProcessIsLeftAndTakenBackInANewLife(t *testing.T) {
	one, two := newProcess(t), newProcess(t)
	b := balancer.New(one.url, two.url)
	watch(t, b)
	_, before := b.Pick(0)

	one.ready.Store(false)
	await(t, "the balancer leaves process 0", func() bool { return !b.Ready(0) })
	for k := range int64(10) {
		if i, _ := b.Pick(k); i != 1 {
			t.Fatalf("Pick(%d) = %d while process 0 drains, want 1", k, i)
		}
	}
	one.ready.Store(true)
	await(t, "the balancer takes process 0 back", func() bool { return b.Ready(0) })
	if i, life := b.Pick(0); i != 0 || life == before {
		t.Errorf("Pick(0) = process %d in life %d, want process 0 in a life after %d", i, life, before)
	}
}

func TestRequestsAreSpreadEvenly(t *testing.T) {
	b := balancer.New("http://127.0.0.1:1", "http://127.0.0.1:2")
	var counts [2]int
	for k := range int64(100) {
		i, _ := b.Pick(k)
		counts[i]++
	}
	if counts[0] != counts[1] {
		t.Errorf("100 requests were spread %v, want evenly", counts)
	}
}

func TestWithNobodyReadySomebodyIsAskedAllTheSame(t *testing.T) {
	one := newProcess(t)
	one.ready.Store(false)
	b := balancer.New(one.url)
	watch(t, b)
	await(t, "the balancer has noticed", func() bool { return !b.Ready(0) })
	if i, _ := b.Pick(7); i != 0 {
		t.Errorf("Pick = %d, want 0", i)
	}
}
