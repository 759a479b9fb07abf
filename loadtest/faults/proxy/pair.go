package proxy

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"syscall"
)

const bufferSize = 16 << 10

// The ways in which a fault ends a connection.
var (
	errReset = errors.New("reset by a fault")
	errLost  = errors.New("closed by a fault instead of an answer")
)

// pair is a client's connection and its own connection to the server. One
// goroutine carries requests, one carries answers.
type pair struct {
	p       *Proxy
	id      int64
	session Session // nil: bytes pass uncut
	client  *net.TCPConn
	done    chan struct{}
	flight  *flight
	alone   bool // the last operation was taken by a fault; of the requests' goroutine

	fromClient, fromServer *bufio.Reader
	toClient, toServer     *out

	mu     sync.Mutex
	server *net.TCPConn // nil until it is there
	ended  bool
}

func newPair(p *Proxy, id int64, client *net.TCPConn) *pair {
	c := &pair{p: p, id: id, client: client, done: make(chan struct{}), flight: newFlight()}
	if p.o.Protocol != nil {
		c.session = p.o.Protocol()
	}
	return c
}

// serve returns when both ends are closed.
func (c *pair) serve(ctx context.Context) {
	server, err := c.p.dial(ctx)
	if err != nil || !c.attach(server) {
		c.end(true)
		return
	}
	var answering sync.WaitGroup
	defer answering.Wait()
	answering.Go(func() { c.finish(c.answers()) })
	c.finish(c.requests())
}

// attach returns false if the pair ended while the server was dialled.
func (c *pair) attach(server *net.TCPConn) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		reset(server)
		return false
	}
	c.server = server
	c.toClient = newOut(&linkWriter{conn: c.client, line: c.p.line, done: c.done})
	c.toServer = newOut(&linkWriter{conn: server, line: c.p.line, done: c.done, toServer: true})
	c.fromClient = bufio.NewReaderSize(&flushFirst{c.client, c.toServer}, bufferSize)
	c.fromServer = bufio.NewReaderSize(&flushFirst{server, c.toClient}, bufferSize)
	return true
}

// finish ends the pair for a reason. Without one, a direction has ended and the
// other goes on.
func (c *pair) finish(err error) {
	switch {
	case err == nil:
	case errors.Is(err, io.EOF), errors.Is(err, errLost):
		_ = c.toClient.Flush() // answers before this one; the connection ends either way
		c.end(false)
	case errors.Is(err, errReset):
		_ = c.toClient.Flush()
		c.end(true)
	case errors.Is(err, net.ErrClosed), errors.Is(err, io.ErrUnexpectedEOF):
		c.end(false)
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		c.end(true)
	default:
		c.p.ledger.connection(func(n *Connections) { n.Broken++; n.LastErr = err })
		c.end(true)
	}
}

// end closes both ends, once.
func (c *pair) end(broken bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		return
	}
	c.ended = true
	close(c.done)
	c.flight.close()
	for _, conn := range []*net.TCPConn{c.client, c.server} {
		switch {
		case conn == nil:
		case broken:
			reset(conn)
		default:
			_ = conn.Close()
		}
	}
}

// through carries one direction uncut until its sender ends it.
func through(from *bufio.Reader, to *out, conn *net.TCPConn) error {
	if _, err := from.WriteTo(to); err != nil {
		return err
	}
	return halfClose(to, conn)
}

func halfClose(to *out, conn *net.TCPConn) error {
	if err := to.Flush(); err != nil {
		return err
	}
	return conn.CloseWrite()
}

// out is the writing end of a connection. Both goroutines of a pair may use it.
type out struct {
	mu sync.Mutex
	w  *bufio.Writer
}

func newOut(w io.Writer) *out { return &out{w: bufio.NewWriterSize(w, bufferSize)} }

// Write buffers.
func (o *out) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.w.Write(b)
}

// Flush delivers what is buffered.
func (o *out) Flush() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.w.Flush()
}

// send delivers b at once.
func (o *out) send(b []byte) error {
	if _, err := o.Write(b); err != nil {
		return err
	}
	return o.Flush()
}

// flushFirst delivers what was read so far before it waits for more: what is
// sent together stays together, and nothing waits without need.
type flushFirst struct {
	from net.Conn
	to   *out
}

// Read flushes and reads.
func (f *flushFirst) Read(b []byte) (int, error) {
	if err := f.to.Flush(); err != nil {
		return 0, err
	}
	return f.from.Read(b)
}
