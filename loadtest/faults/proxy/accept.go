package proxy

import (
	"context"
	"errors"
	"net"
	"time"
)

const dialTimeout = 5 * time.Second

func (p *Proxy) accept(ctx context.Context) {
	for {
		conn, err := p.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil { // out of files: wait for some to be closed
			if !sleep(ctx.Done(), 10*time.Millisecond) {
				return
			}
			continue
		}
		p.open(ctx, conn.(*net.TCPConn))
	}
}

func (p *Proxy) open(ctx context.Context, client *net.TCPConn) {
	p.ledger.connection(func(c *Connections) { c.Accepted++ })
	c := p.join(client)
	if c == nil {
		p.ledger.connection(func(c *Connections) { c.Refused++ })
		reset(client)
		return
	}
	p.running.Go(func() {
		defer p.leave(c)
		c.serve(ctx)
	})
}

// join returns nil if the connection is not wanted. The link is looked at after
// the connection is known to cut.
func (p *Proxy) join(client *net.TCPConn) *pair {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || len(p.pairs) >= p.o.MaxConnections || p.line.get().link.Down {
		return nil
	}
	p.conns++
	c := newPair(p, p.conns, client)
	p.pairs[c] = true
	p.ledger.connection(func(c *Connections) { c.Open++ })
	return c
}

func (p *Proxy) leave(c *pair) {
	c.end(false)
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.pairs, c)
	p.ledger.connection(func(c *Connections) { c.Open-- })
}

func (p *Proxy) dial(ctx context.Context) (*net.TCPConn, error) {
	conn, err := (&net.Dialer{Timeout: dialTimeout}).DialContext(ctx, "tcp", p.o.Server)
	if err != nil {
		p.ledger.connection(func(c *Connections) { c.Failed++; c.LastErr = err })
		return nil, err
	}
	return conn.(*net.TCPConn), nil
}

// reset closes a connection so that the other end sees it break.
func reset(conn *net.TCPConn) {
	_ = conn.SetLinger(0) // fails only on a closed one
	_ = conn.Close()
}

// sleep returns false when done comes first.
func sleep(done <-chan struct{}, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-done:
		return false
	}
}
