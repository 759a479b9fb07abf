package balancer

import (
	"context"
	"time"

	"github.com/provingground/provingground/loadtest/http1"
)

// Clients are a connection to each process behind a balancer, for one goroutine.
type Clients struct {
	Conns []http1.Client // by the process's index
	Resp  http1.Response // the last answer

	balancer *Balancer
	lives    []int64
}

// NewClients returns clients of the processes at hosts (host:port), in the order
// of the balancer's. A request takes at most timeout.
func NewClients(b *Balancer, hosts []string, timeout time.Duration) *Clients {
	c := &Clients{Conns: make([]http1.Client, len(hosts)), balancer: b, lives: make([]int64, len(hosts))}
	for i, host := range hosts {
		c.Conns[i] = http1.Client{Addr: host, Timeout: timeout}
	}
	return c
}

// Do sends request k to the process that the balancer picks and reads the answer
// into Resp.
func (c *Clients) Do(ctx context.Context, k int64, request []byte) (process int, err error) {
	process, life := c.balancer.Pick(k)
	if c.lives[process] != life {
		// The process went away since: what is left of its connections is stale.
		c.Conns[process].Close()
		c.lives[process] = life
	}
	return process, c.Conns[process].Do(ctx, request, &c.Resp)
}

// Life is the life of a process, as Pick counts it, when it was last asked.
func (c *Clients) Life(process int) int64 { return c.lives[process] }

// Close closes the connections. It returns nil.
func (c *Clients) Close() error {
	for i := range c.Conns {
		c.Conns[i].Close()
	}
	return nil
}
