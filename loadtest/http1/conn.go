package http1

import (
	"context"
	"net"
	"time"
)

const (
	maxHeader      = 16 << 10
	defaultMaxBody = 1 << 20
	firstBuffer    = 4 << 10
)

// A Dialer opens connections. The zero value is ready to use.
type Dialer struct {
	// MaxBody is the longest body in bytes that an answer may have; 0 means 1 MB.
	MaxBody int
}

// Dial opens a connection to host:port with the zero Dialer.
func Dial(ctx context.Context, addr string) (*Conn, error) {
	return Dialer{}.Dial(ctx, addr)
}

// Dial opens a connection to host:port. Its error is an [*Error] of kind Refused
// or Unreachable.
func (d Dialer) Dial(ctx context.Context, addr string) (*Conn, error) {
	var nd net.Dialer
	nc, err := nd.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, dialError(addr, err)
	}
	return d.conn(nc, addr), nil
}

func (d Dialer) conn(nc net.Conn, addr string) *Conn {
	if d.MaxBody <= 0 {
		d.MaxBody = defaultMaxBody
	}
	return &Conn{nc: nc, addr: addr, maxBody: d.MaxBody, buf: make([]byte, firstBuffer)}
}

// A Conn is one keep-alive connection. One goroutine at a time may use it; only
// Close may be called beside a running Do.
type Conn struct {
	nc      net.Conn
	addr    string
	maxBody int

	deadline time.Time // as last set on nc; zero for none
	reused   bool      // an answer was read
	usedUp   bool      // an error happened, or the server closes

	// buf[pos:end] is read and not parsed. What lies below pos belongs to the
	// answer under way: its headers, then its body.
	buf      []byte
	pos, end int
}

// Do writes request and reads its answer into resp, whose slices stay valid
// until the next Do. The deadline bounds both; to spare a timer per request it
// takes effect late by up to the time that is left until it, never early. The
// zero deadline means none. Every error is an [*Error], after which the
// connection is of no use.
//
// Do waits with the request once it is written: requests are not pipelined.
func (c *Conn) Do(request []byte, deadline time.Time, resp *Response) error {
	resp.reset()
	if c.usedUp {
		return &Error{Kind: Closed, Addr: c.addr, Reused: c.reused, Err: errUsedUp}
	}
	c.pos, c.end = 0, 0
	if err := c.arm(deadline); err != nil {
		return c.fail(err)
	}
	if _, err := c.nc.Write(request); err != nil {
		return c.fail(err)
	}
	if err := c.read(resp, isHead(request)); err != nil {
		resp.reset()
		return c.fail(err)
	}
	c.reused = true
	c.usedUp = resp.Close
	return nil
}

// Usable reports whether the connection can take another request. The server
// may have closed it all the same.
func (c *Conn) Usable() bool { return !c.usedUp }

// Close closes the connection. A Do under way in another goroutine ends with an
// error of kind Closed.
func (c *Conn) Close() error { return c.nc.Close() }

// arm sets the deadline of the socket, which costs more than the rest of a
// request's bookkeeping, only when the one already set is too near or too far:
// the time a request really gets lies between its own and twice that.
func (c *Conn) arm(deadline time.Time) error {
	if deadline.IsZero() {
		return c.setDeadline(time.Time{})
	}
	left := time.Until(deadline)
	if left <= 0 {
		return errPast
	}
	if !c.deadline.Before(deadline) && !c.deadline.After(deadline.Add(left)) {
		return nil
	}
	return c.setDeadline(deadline.Add(left))
}

func (c *Conn) setDeadline(t time.Time) error {
	if t.IsZero() && c.deadline.IsZero() {
		return nil
	}
	c.deadline = t
	return c.nc.SetDeadline(t)
}

func isHead(request []byte) bool {
	return len(request) > 5 && string(request[:5]) == "HEAD "
}
