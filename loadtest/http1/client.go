package http1

import (
	"context"
	"time"
)

const (
	defaultTimeout = 5 * time.Second
	defaultIdle    = 2 * time.Second
)

// A Client sends requests over one connection at a time, which it opens when
// needed. It never sends a request again by itself. The zero value with an
// address is ready to use, by one goroutine.
type Client struct {
	Addr    string        // host:port
	Timeout time.Duration // for one request, dialing included; 0 means 5 s
	Dialer  Dialer
	// Idle is how long after a request began the connection may take another: a
	// server closes it some time after (5 s are usual), and a request sent just then
	// has no answer. 0 means 2 s.
	Idle time.Duration

	conn    *Conn
	used    time.Time // when the last request began
	unwatch func() bool
}

// Do sends request and reads its answer into resp, as [Conn.Do] does.
//
// Watching a context costs as much as a request, so a connection watches only
// the one it was opened with: give all calls the context of the whole run. When
// that ends, so does the request under way, with an error of kind Closed.
func (c *Client) Do(ctx context.Context, request []byte, resp *Response) error {
	timeout := c.Timeout
	if timeout <= 0 {
		timeout = defaultTimeout
	}
	idle := c.Idle
	if idle <= 0 {
		idle = defaultIdle
	}
	now := time.Now()
	deadline, old := now.Add(timeout), now.Sub(c.used) > idle
	c.used = now
	if c.conn == nil || !c.conn.Usable() || old {
		if err := c.open(ctx, deadline); err != nil {
			resp.reset()
			return err
		}
	}
	return c.conn.Do(request, deadline, resp)
}

func (c *Client) open(ctx context.Context, deadline time.Time) error {
	_ = c.Close() // used up: how it ends changes nothing
	dialing, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	conn, err := c.Dialer.Dial(dialing, c.Addr)
	if err != nil {
		return err
	}
	c.conn = conn
	c.unwatch = context.AfterFunc(ctx, func() { _ = conn.Close() })
	return nil
}

// Close closes the connection, if there is one. A later Do opens another.
func (c *Client) Close() error {
	if c.conn == nil {
		return nil
	}
	conn := c.conn
	c.conn = nil
	if !c.unwatch() {
		return nil // the end of the context closed it
	}
	return conn.Close()
}
