// Package balancer plays the load balancer in front of a role that runs more
// than once: it asks each process whether it is ready and spreads requests over
// those that are.
//
// It only chooses. Sending again is up to the caller, who knows whether a
// request may be repeated.
package balancer

import (
	"context"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

const (
	every   = 100 * time.Millisecond
	timeout = time.Second
)

// A Balancer watches processes. Create it with New and let Run watch.
type Balancer struct{ targets []*target }

type target struct {
	url   string
	ready atomic.Bool
	life  atomic.Int64 // grows when the target becomes unready: its connections are of no use then
}

// New returns the balancer of the given base URLs, all taken as ready.
func New(urls ...string) *Balancer {
	b := &Balancer{}
	for _, url := range urls {
		t := &target{url: url}
		t.ready.Store(true)
		b.targets = append(b.targets, t)
	}
	return b
}

// Pick returns the index of the process for request k, and the life it is in:
// connections of an earlier life are stale. With none ready it returns one all
// the same, whose refusal is the answer.
func (b *Balancer) Pick(k int64) (index int, life int64) {
	n := len(b.targets)
	for i := range n {
		index = int((k + int64(i)) % int64(n))
		if b.targets[index].ready.Load() {
			break
		}
	}
	return index, b.targets[index].life.Load()
}

// Ready reports whether the process answered that it is ready when asked last.
func (b *Balancer) Ready(index int) bool { return b.targets[index].ready.Load() }

// Run asks every process, ten times a second, until ctx ends.
func (b *Balancer) Run(ctx context.Context) {
	var asking sync.WaitGroup
	for _, t := range b.targets {
		asking.Go(func() { t.watch(ctx) })
	}
	asking.Wait()
}

func (t *target) watch(ctx context.Context) {
	client := &http.Client{Timeout: timeout}
	defer client.CloseIdleConnections()
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			t.set(ask(ctx, client, t.url+"/readyz"))
		}
	}
}

func (t *target) set(ready bool) {
	if t.ready.Swap(ready) && !ready {
		t.life.Add(1)
	}
}

func ask(ctx context.Context, client *http.Client, url string) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	resp, err := client.Do(req)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	// A connection whose answer was not read to its end would be closed.
	_, err = io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<10))
	return err == nil && resp.StatusCode == http.StatusOK
}
