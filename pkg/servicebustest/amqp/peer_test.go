package amqp

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/provingground/provingground/pkg/servicebustest/encoding"
)

// peer is the other end of a connection, which does exactly what a test says.
type peer struct {
	t      *testing.T
	net    net.Conn
	frames frameReader
	served chan error
}

// dial serves one connection with a configuration and returns its other end.
func dial(t *testing.T, cfg Config) *peer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	client, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	server, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	p := &peer{t: t, net: client, served: make(chan error, 1)}
	p.frames = frameReader{r: bufio.NewReader(client), max: 1 << 20}
	ctx, cancel := context.WithCancel(context.Background())
	go func() { p.served <- NewConn(server, cfg).Serve(ctx) }()
	t.Cleanup(func() {
		_ = client.Close()
		cancel()
		p.ends()
	})
	_ = client.SetDeadline(time.Now().Add(30 * time.Second))
	return p
}

// ends waits until the server has finished with the connection.
func (p *peer) ends() error {
	p.t.Helper()
	select {
	case err := <-p.served:
		p.served <- err
		return err
	case <-time.After(30 * time.Second):
		p.t.Fatal("the server does not end the connection")
		return nil
	}
}

func (p *peer) write(b string) {
	p.t.Helper()
	if _, err := io.WriteString(p.net, b); err != nil {
		p.t.Fatal(err)
	}
}

func (p *peer) send(channel uint16, code uint64, fields ...any) {
	p.t.Helper()
	p.write(string(appendPerformative(nil, frameAMQP, channel, code, fields...)))
}

// transfer sends one transfer frame with a payload.
func (p *peer) transfer(payload string, fields ...any) {
	p.t.Helper()
	p.write(string(appendFrame(nil, frameAMQP, 0, func(b []byte) []byte {
		return append(encoding.AppendComposite(b, codeTransfer, fields...), payload...)
	})))
}

// frame reads the next frame that is no heartbeat.
func (p *peer) frame() (code uint64, f encoding.Fields, payload []byte) {
	p.t.Helper()
	for {
		got, err := p.frames.next()
		if err != nil {
			p.t.Fatal(err)
		}
		if len(got.body) == 0 {
			continue
		}
		code, f, payload, err = encoding.DecodeComposite(got.body)
		if err != nil {
			p.t.Fatal(err)
		}
		return code, f, payload
	}
}

// wants reads frames up to one with the code.
func (p *peer) wants(code uint64) encoding.Fields {
	p.t.Helper()
	for {
		if got, f, _ := p.frame(); got == code {
			return f
		}
	}
}

// opened is a connection with one session.
func opened(t *testing.T, cfg Config) *peer {
	t.Helper()
	p := dial(t, cfg)
	p.write(headerAMQP)
	var h [8]byte
	if _, err := io.ReadFull(p.frames.r, h[:]); err != nil || string(h[:]) != headerAMQP {
		t.Fatalf("header %q, %v", h, err)
	}
	p.send(0, codeOpen, "peer", nil, uint32(1024))
	p.wants(codeOpen)
	p.send(0, codeBegin, nil, uint32(0), uint32(100), uint32(100))
	p.wants(codeBegin)
	return p
}

// receives attaches a link on which the peer receives.
func (p *peer) receives(handle uint32) {
	p.t.Helper()
	p.send(0, codeAttach, "in", handle, true, nil, nil, composite(codeSource, "q"), composite(codeTarget))
	p.wants(codeAttach)
}

// sends attaches a link on which the peer sends.
func (p *peer) sends(handle uint32) {
	p.t.Helper()
	p.send(0, codeAttach, "out", handle, false, nil, nil, composite(codeSource), composite(codeTarget, "q"))
	p.wants(codeAttach)
	p.wants(codeFlow)
}

// shelf is a source with a number of equal messages.
type shelf struct {
	mu      sync.Mutex
	link    *Link
	left    int
	payload []byte
	taken   int
	settled []Outcome
	closed  int
}

func (s *shelf) Next() (Delivery, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.left == 0 {
		return Delivery{}, false
	}
	s.left--
	s.taken++
	return Delivery{Tag: [16]byte{byte(s.taken)}, Payload: s.payload}, true
}

func (s *shelf) Skip() {}

func (s *shelf) Settle(_ [16]byte, o Outcome, done func(*Error)) {
	s.mu.Lock()
	s.settled = append(s.settled, o)
	s.mu.Unlock()
	done(nil)
}

func (s *shelf) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed++
}

func (s *shelf) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.taken
}

// box is a sink that keeps what comes.
type box struct {
	mu     sync.Mutex
	got    []string
	closed int
}

func (b *box) Transfer(t *Transfer) {
	b.mu.Lock()
	b.got = append(b.got, string(t.Payload))
	b.mu.Unlock()
	t.Accept()
}

func (b *box) Close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed++
}

// serving is a configuration whose links end at a shelf or in a box.
func serving(s *shelf, b *box) Config {
	return Config{Attach: func(a *Attach) {
		if a.Sends {
			a.Sink(b)
			return
		}
		s.link = a.Link()
		a.Source(s, a.Filter, nil)
	}}
}

// closedWith wants the server to close the connection with a condition.
func (p *peer) closedWith(want string) {
	p.t.Helper()
	f := p.wants(codeClose)
	_, e, _ := encoding.Composite(f.At(0))
	if e.Text(0) != want {
		p.t.Errorf("closed with %v, want %s", e, want)
	}
	if _, err := p.frames.next(); !errors.Is(err, io.EOF) {
		p.t.Errorf("after close: %v", err)
	}
	_ = p.ends()
}
