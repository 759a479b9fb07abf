package proxy_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/provingground/provingground/loadtest/faults/proxy"
	"github.com/provingground/provingground/loadtest/faults/proxy/proxytest"
)

// lines is the smallest protocol: a line asks, a line answers. The operation is
// the line.
type lines struct{}

func lineProtocol() proxy.Session { return lines{} }

// Request implements proxy.Session.
func (lines) Request(client *bufio.Reader) (proxy.Request, error) {
	line, err := client.ReadBytes('\n')
	if err != nil {
		return proxy.Request{}, err
	}
	if string(line) == "nonsense\n" {
		return proxy.Request{}, errors.New("not a line of this protocol")
	}
	op := &proxy.Operation{Name: strings.TrimSpace(string(line))}
	return proxy.Request{Message: proxy.Message{Head: line}, Operation: op}, nil
}

// Answer implements proxy.Session.
func (lines) Answer(server *bufio.Reader, _ *proxy.Operation) (proxy.Answer, error) {
	line, err := server.ReadBytes('\n')
	return proxy.Answer{Message: proxy.Message{Head: line}, Last: true}, err
}

// server answers each line with "n line", n counting the lines it ever got.
type server struct {
	listener net.Listener
	running  sync.WaitGroup

	mu  sync.Mutex
	got []string
}

func startServer(t testing.TB) *server {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &server{listener: listener}
	s.running.Go(s.accept)
	t.Cleanup(func() {
		_ = listener.Close()
		s.running.Wait()
	})
	return s
}

func (s *server) addr() string { return s.listener.Addr().String() }

func (s *server) accept() {
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.running.Go(func() { s.serve(conn) })
	}
}

func (s *server) serve(conn net.Conn) {
	defer conn.Close()
	in := bufio.NewReader(conn)
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			if n := s.lines(); errors.Is(err, io.EOF) { // the client has sent everything
				_, _ = fmt.Fprintf(conn, "end after %d\n", len(n))
			}
			return
		}
		s.mu.Lock()
		s.got = append(s.got, strings.TrimSpace(line))
		n := len(s.got)
		s.mu.Unlock()
		if _, err := fmt.Fprintf(conn, "%d %s", n, line); err != nil {
			return
		}
	}
}

// lines returns what the server got.
func (s *server) lines() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.got...)
}

// client is a connection through a proxy.
type client struct {
	net.Conn
	in *bufio.Reader
}

func dial(t testing.TB, addr string) client {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return client{conn, bufio.NewReader(conn)}
}

// ask sends a line and returns the answer.
func (c client) ask(line string) (string, error) {
	if _, err := io.WriteString(c, line+"\n"); err != nil {
		return "", err
	}
	answer, err := c.in.ReadString('\n')
	return strings.TrimSpace(answer), err
}

func (c client) want(t *testing.T, line, answer string) {
	t.Helper()
	if got, err := c.ask(line); err != nil || got != answer {
		t.Errorf("%q was answered with %q, %v; want %q", line, got, err, answer)
	}
}

func (c client) breaks(t *testing.T, line string) {
	t.Helper()
	if got, err := c.ask(line); err == nil {
		t.Errorf("%q was answered with %q, want a broken connection", line, got)
	}
}

// refused checks that a new connection breaks, at once or when it is used.
func refused(t *testing.T, addr string) {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", addr)
	if err != nil {
		return // the reset was faster
	}
	defer conn.Close()
	client{conn, bufio.NewReader(conn)}.breaks(t, "anything")
}

// start starts a proxy before a server of lines.
func start(t testing.TB, protocol proxy.Protocol) (*server, *proxy.Proxy) {
	t.Helper()
	s := startServer(t)
	return s, proxytest.Start(t, s.addr(), protocol)
}

func startWith(t testing.TB, o proxy.Options) *proxy.Proxy {
	t.Helper()
	p, err := proxy.Start(context.WithoutCancel(t.Context()), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}
