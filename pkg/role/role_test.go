package role_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/provingground/provingground/pkg/role"
)

func TestHealthcheckAsksForReadiness(t *testing.T) {
	status := http.StatusOK
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/readyz" {
			t.Errorf("asked for %s", r.URL.Path)
		}
		w.WriteHeader(status)
	}))
	defer srv.Close()
	addr := strings.TrimPrefix(srv.URL, "http://")
	check := func() (bool, error) { return role.Healthcheck(t.Context(), addr, []string{"healthcheck"}) }
	if asked, err := check(); !asked || err != nil {
		t.Errorf("ready: %v, %v", asked, err)
	}
	status = http.StatusServiceUnavailable
	if asked, err := check(); !asked || err == nil || errors.Is(err, role.ErrUsage) {
		t.Errorf("draining: %v, %v; want an error of the process", asked, err)
	}
	if asked, err := role.Healthcheck(t.Context(), addr, nil); asked || err != nil {
		t.Errorf("no argument: %v, %v; want the program to go on", asked, err)
	}
	for _, args := range [][]string{{"healthchek"}, {"healthcheck", "now"}} {
		if asked, err := role.Healthcheck(t.Context(), addr, args); !asked || !errors.Is(err, role.ErrUsage) {
			t.Errorf("%q: %v, %v; want a mistake in the call", args, asked, err)
		}
	}
	if _, err := role.Healthcheck(t.Context(), "no address\n", []string{"healthcheck"}); !errors.Is(err, role.ErrUsage) {
		t.Errorf("malformed address: %v, want a mistake in the configuration", err)
	}
}

func TestOnlyTheExactTokenIsAuthorized(t *testing.T) {
	for header, want := range map[string]bool{"Bearer secret": true, "": false, "secret": false, "bearer secret": false, "Bearer secret ": false, "Bearer ": false} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("Authorization", header)
		if got := role.Authorized(r, "secret"); got != want {
			t.Errorf("Authorized with %q = %v, want %v", header, got, want)
		}
	}
}

func TestAllAddressesOpenOrNone(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := free.Addr().String()
	free.Close()
	_, err = role.Listen(role.Listener{Purpose: "requests", Addr: addr}, role.Listener{Purpose: "administration", Addr: taken.Addr().String()})
	if err == nil || !strings.Contains(err.Error(), "listen for administration") {
		t.Fatalf("Listen = %v, want the second address refused", err)
	}
	again, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatalf("the first address was kept: %v", err)
	}
	again.Close()
}

// fake is a server whose end the test decides.
type fake struct {
	fails    chan error
	shutdown chan struct{}
}

func newFake() fake { return fake{fails: make(chan error, 1), shutdown: make(chan struct{})} }

func (f fake) Serve(net.Listener) error {
	select {
	case err := <-f.fails:
		return err
	case <-f.shutdown:
		return http.ErrServerClosed
	}
}

func (f fake) Shutdown(context.Context) error { close(f.shutdown); return nil }

func TestTheListenersCloseOnlyAfterTheDrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, err := role.Listen(role.Listener{Addr: "127.0.0.1:0", Server: newFake()})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		start := time.Now()
		var states []string
		err = l.Serve(ctx, 2*time.Second, func(ready bool) { states = append(states, fmt.Sprint(ready, time.Since(start))) })
		want := []string{"true 0s", "false 0s", "false 2s"}
		if err != nil || !slices.Equal(states, want) {
			t.Errorf("Serve = %v, said %q; want %q", err, states, want)
		}
	})
}

func TestOneServerThatFailsEndsAll(t *testing.T) {
	bad, good := newFake(), newFake()
	l, err := role.Listen(role.Listener{Addr: "127.0.0.1:0", Server: bad}, role.Listener{Addr: "127.0.0.1:0", Server: good})
	if err != nil {
		t.Fatal(err)
	}
	broken := errors.New("accept: too many open files")
	bad.fails <- broken
	if err := l.Serve(t.Context(), time.Hour, func(bool) {}); !errors.Is(err, broken) {
		t.Errorf("Serve = %v, want %v", err, broken)
	}
	select {
	case <-good.shutdown:
	default:
		t.Error("the other server was not shut down")
	}
}

func TestAServiceIsReadyWhileItWorksAndItsWorkEndsIt(t *testing.T) {
	begin, broken := make(chan struct{}), errors.New("the work broke")
	addr, end := free(t), make(chan struct{})
	s := role.Service{
		Addr: addr, AdminAddr: free(t), Admin: http.NotFoundHandler(),
		Public: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }),
		Work: func(_ context.Context, ready func()) error {
			<-begin
			ready()
			<-end
			return broken
		},
	}
	done := make(chan error, 1)
	go func() { done <- s.Run(t.Context()) }()
	await(t, addr, "/healthz", http.StatusOK)
	await(t, addr, "/readyz", http.StatusServiceUnavailable)
	close(begin)
	await(t, addr, "/readyz", http.StatusOK)
	await(t, addr, "/anything", http.StatusTeapot)
	close(end)
	if err := <-done; !errors.Is(err, broken) {
		t.Errorf("the service ended with %v, want that of its work", err)
	}
}

func TestAServiceIsNotReadyWhileItDrains(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	addr, late := free(t), make(chan func(), 1)
	s := role.Service{
		Addr: addr, AdminAddr: free(t), Admin: http.NotFoundHandler(), Public: http.NotFoundHandler(), Drain: 3 * time.Second,
		Work: func(_ context.Context, ready func()) error {
			ready()
			late <- ready
			return nil
		},
	}
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	await(t, addr, "/readyz", http.StatusOK)
	cancel()
	await(t, addr, "/readyz", http.StatusServiceUnavailable)
	(<-late)() // what becomes ready too late changes nothing
	await(t, addr, "/readyz", http.StatusServiceUnavailable)
	if err := <-done; err != nil {
		t.Errorf("the service ended with %v", err)
	}
}

// free is an address that nobody listens on.
func free(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// await asks until the answer has the status.
func await(t *testing.T, addr, path string, status int) {
	t.Helper()
	last := "no answer"
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		resp, err := http.Get("http://" + addr + path)
		if err != nil {
			last = err.Error()
			continue
		}
		resp.Body.Close()
		if last = resp.Status; resp.StatusCode == status {
			return
		}
	}
	t.Fatalf("GET %s: %s, want %d", path, last, status)
}

// telling is a server that tells its address.
type telling struct {
	*http.Server
	addr chan string
}

func (t telling) Serve(l net.Listener) error {
	t.addr <- l.Addr().String()
	return t.Server.Serve(l)
}

// TestConnectionsAreBounded opens two more than a listener takes: they are answered
// when others end, and never were there more.
func TestConnectionsAreBounded(t *testing.T) {
	const limit = 3
	var now, most atomic.Int64
	server := &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }),
		ConnState: func(_ net.Conn, s http.ConnState) {
			switch s {
			case http.StateNew:
				most.Store(max(most.Load(), now.Add(1)))
			case http.StateClosed:
				now.Add(-1)
			}
		},
	}
	told := telling{server, make(chan string, 1)}
	listeners, err := role.Listen(role.Listener{Addr: "127.0.0.1:0", Server: told, Connections: limit})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- listeners.Serve(ctx, 0, func(bool) {}) }()
	defer func() { stop(); <-ended }()

	addr := <-told.addr
	var open []net.Conn
	defer func() {
		for _, c := range open {
			c.Close()
		}
	}()
	for range limit + 2 {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, c)
	}
	for _, c := range open[:2] {
		c.Close()
	}
	for _, c := range open[2:] {
		fmt.Fprint(c, "GET / HTTP/1.1\r\nHost: here\r\n\r\n")
		if answer, err := bufio.NewReader(c).ReadString('\n'); err != nil || !strings.Contains(answer, "204") {
			t.Fatalf("%q, %v; want 204", answer, err)
		}
	}
	if most.Load() != limit {
		t.Errorf("%d connections at a time, want %d", most.Load(), limit)
	}
}
