package http1_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/provingground/provingground/loadtest/http1"
)

var get = []byte("GET / HTTP/1.1\r\nHost: test\r\n\r\n")

func soon() time.Time { return time.Now().Add(10 * time.Second) }

// script answers the n-th request of each connection with the n-th answer, byte
// for byte, and closes the connection after the last.
func script(t *testing.T, answers ...string) string {
	t.Helper()
	return serve(t, func(c net.Conn) {
		r := bufio.NewReader(c)
		for _, answer := range answers {
			req, err := http.ReadRequest(r)
			if err != nil {
				return
			}
			_, _ = io.Copy(io.Discard, req.Body)
			_, _ = io.WriteString(c, answer)
		}
	})
}

// serve runs handle for each connection and waits for all of them at the end.
func serve(t *testing.T, handle func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	accepted := make(chan struct{})
	go func() {
		defer close(accepted)
		acceptAll(l, handle)
	}()
	t.Cleanup(func() {
		_ = l.Close()
		<-accepted
	})
	return l.Addr().String()
}

// acceptAll takes one connection after the other: every test here uses one.
func acceptAll(l net.Listener, handle func(net.Conn)) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		handle(c)
		_ = c.Close()
	}
}

func dial(t *testing.T, addr string) *http1.Conn {
	t.Helper()
	return dialWith(t, http1.Dialer{}, addr)
}

func dialWith(t *testing.T, d http1.Dialer, addr string) *http1.Conn {
	t.Helper()
	c, err := d.Dial(t.Context(), addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// redirector is the server that the engine is measured against: net/http.
func redirector(t testing.TB) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", "https://example.test/landing/page")
		w.WriteHeader(http.StatusFound)
	}))
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://")
}
