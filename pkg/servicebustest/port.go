package servicebustest

import (
	"bufio"
	"net"
	"sync"
	"time"
)

// firstByteWithin is how long a new connection may take to say what it speaks.
const firstByteWithin = 20 * time.Second

// knocked is a connection whose first byte was looked at and not taken.
type knocked struct {
	net.Conn
	first *bufio.Reader
}

// Read begins with what was looked at.
func (k *knocked) Read(b []byte) (int, error) { return k.first.Read(b) }

// knock waits for the first byte of a connection and says whether it is the
// first of an HTTP method: AMQP begins with "AMQP".
func knock(nc net.Conn) (k *knocked, isHTTP bool, err error) {
	k = &knocked{nc, bufio.NewReaderSize(nc, 16)}
	_ = nc.SetReadDeadline(time.Now().Add(firstByteWithin))
	first, err := k.first.Peek(1)
	_ = nc.SetReadDeadline(time.Time{})
	return k, err == nil && first[0] != 'A' && first[0] >= 'A' && first[0] <= 'Z', err
}

// handover is a listener whose connections come from the port of AMQP.
type handover struct {
	addr  net.Addr
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func newHandover(addr net.Addr) *handover {
	return &handover{addr: addr, conns: make(chan net.Conn), done: make(chan struct{})}
}

// give hands over a connection, unless the listener is closed.
func (h *handover) give(nc net.Conn) {
	select {
	case h.conns <- nc:
	case <-h.done:
		_ = nc.Close()
	}
}

// Accept implements net.Listener.
func (h *handover) Accept() (net.Conn, error) {
	select {
	case nc := <-h.conns:
		return nc, nil
	case <-h.done:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (h *handover) Close() error {
	h.once.Do(func() { close(h.done) })
	return nil
}

// Addr implements net.Listener.
func (h *handover) Addr() net.Addr { return h.addr }
