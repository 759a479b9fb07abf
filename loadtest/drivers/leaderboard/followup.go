package leaderboard

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

const (
	visibleWithin = time.Second      // an improvement is on the pages of every process
	slowWithin    = 10 * time.Second // later than that a busy machine is no explanation
	askers        = 16
	lookedUp      = 20 // of so many improvements one is looked up by its player, too
)

// promise is an acknowledged submission.
type promise struct {
	submission
	receipt
	at      time.Time
	process int
	late    bool // some process did not have it in time
}

// followUp asks, a second after each acknowledged improvement, whether every
// process serves pages that hold it, or says that they are stale.
type followUp struct {
	d       *Driver
	queue   chan promise
	open    sync.WaitGroup
	checked atomic.Int64
	marked  atomic.Int64 // pages that were marked stale instead
	slow    atomic.Int64 // improvements that some process had late
	wrong   complaints
}

func newFollowUp(d *Driver) *followUp { return &followUp{d: d, queue: make(chan promise, 100_000)} }

func (f *followUp) add(p promise) {
	if !p.Improved {
		return
	}
	f.open.Add(1)
	select {
	case f.queue <- p:
	default:
		f.wrong.add("too many promises to look at: %s was not", p.key)
		f.open.Done()
	}
}

func (f *followUp) run(ctx context.Context) {
	var workers sync.WaitGroup
	for range askers {
		workers.Go(func() { f.work(ctx) })
	}
	workers.Wait()
}

func (f *followUp) work(ctx context.Context) {
	c := f.d.api.newClients(readTimeout)
	defer c.Close()
	for {
		select {
		case <-ctx.Done():
			return
		case p := <-f.queue:
			if sleep(ctx, time.Until(p.due())) {
				f.look(ctx, &c, p)
			}
			f.open.Done()
		}
	}
}

func (p promise) due() time.Time {
	if p.late {
		return p.at.Add(slowWithin)
	}
	return p.at.Add(visibleWithin)
}

// look asks every process. One that is away, or says that its page is stale,
// has promised nothing.
func (f *followUp) look(ctx context.Context, c *clients, p promise) {
	f.checked.Add(1)
	request := []byte("GET /api/pages/1 HTTP/1.1\r\nHost: board\r\n\r\n")
	for i := range c.Conns {
		asked := time.Now()
		if err := c.Conns[i].Do(ctx, request, &c.Resp); err != nil || c.Resp.Status != 200 {
			continue
		}
		if c.Resp.Header("Age") != nil {
			f.marked.Add(1)
			continue
		}
		sequence, err := strconv.ParseInt(string(c.Resp.Header("Leaderboard-Sequence")), 10, 64)
		if err == nil && sequence < p.Sequence && !p.late {
			f.slow.Add(1)
			p.late = true
			f.add(p) // once more, for all processes
			return
		}
		if err != nil || sequence < p.Sequence {
			f.wrong.add("%d for %s was accepted as number %d at %s, and %v later process %d served pages up to %d without a mark",
				p.score, p.player, p.Sequence, p.at.Format("15:04:05.000"), asked.Sub(p.at).Round(time.Millisecond), i, sequence)
			continue
		}
		if p.Sequence%lookedUp == 0 {
			f.lookUp(ctx, c, i, p)
		}
	}
}

// lookUp asks a process where the player stands.
func (f *followUp) lookUp(ctx context.Context, c *clients, process int, p promise) {
	request := fmt.Appendf(nil, "GET /api/players/%s HTTP/1.1\r\nHost: board\r\n\r\n", p.player)
	if err := c.Conns[process].Do(ctx, request, &c.Resp); err != nil || c.Resp.Status >= 500 {
		return
	}
	var s standing
	if err := json.Unmarshal(c.Resp.Body, &s); err != nil || c.Resp.Status != 200 || s.Player != p.player || !s.Stale && s.Score < p.Best {
		f.wrong.add("%s was accepted with %d, and process %d answers %d %.200s", p.player, p.Best, process, c.Resp.Status, c.Resp.Body)
	}
}

// settled waits until everything was looked at, or ctx ends.
func (f *followUp) settled(ctx context.Context) error {
	done := make(chan struct{})
	go func() { f.open.Wait(); close(done) }()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("promises are still open: %w", ctx.Err())
	}
}
