package balancer_test

import (
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/provingground/provingground/loadtest/balancer"
)

func TestAConnectionOfAnEarlierLifeIsNotUsedAgain(t *testing.T) {
	var unready atomic.Bool
	var opened atomic.Int64
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/readyz" && unready.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	srv.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			opened.Add(1)
		}
	}
	srv.Start()
	t.Cleanup(srv.Close)
	b := balancer.New(srv.URL)
	c := balancer.NewClients(b, []string{strings.TrimPrefix(srv.URL, "http://")}, 5*time.Second)
	t.Cleanup(func() { c.Close() })
	ask := func() {
		t.Helper()
		process, err := c.Do(t.Context(), 0, []byte("GET /x HTTP/1.1\r\nHost: x\r\n\r\n"))
		if err != nil || process != 0 || c.Resp.Status != http.StatusOK {
			t.Fatalf("Do = process %d, status %d, %v", process, c.Resp.Status, err)
		}
	}
	ask()
	ask()
	if n := opened.Load(); n != 1 {
		t.Fatalf("%d connections for two requests, want one", n)
	}
	unready.Store(true)
	watch(t, b)
	await(t, "the balancer leaves the process", func() bool { return !b.Ready(0) })
	before := opened.Load()
	ask()
	if n := opened.Load(); n <= before {
		t.Error("the connection of the life before was used again")
	}
	if _, life := b.Pick(0); c.Life(0) != life {
		t.Errorf("Life = %d, want %d", c.Life(0), life)
	}
}
