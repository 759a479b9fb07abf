package edgeapi

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/provingground/provingground/loadtest/http1"
)

const (
	askers = 8
	// cachedFor is how old an answer out of a cache may be, and slack what a busy
	// machine may add to the time that it takes to get here.
	cachedFor = 10 * time.Second
	slack     = time.Second
	// looks bounds the promises that are looked for, a second: one takes five or six
	// requests, most of them past the caches, and the service is measured meanwhile.
	looks = 8
)

// promise is an acknowledged change.
type promise struct {
	write
	id       string
	version  int64
	bookmark string
	answer   string
	at       time.Time
	process  int
	again    bool // the look after the caches' time
}

// followUp looks after acknowledged changes, eight a second at most: at once with the
// writer's bookmark and, in the colo that wrote, without one; and everywhere when the
// caches' time is over.
type followUp struct {
	d       *Driver
	queue   chan promise
	open    sync.WaitGroup
	made    atomic.Int64 // acknowledged changes
	checked atomic.Int64 // those that were looked for, to the end
	wrong   complaints
	limit   *rate.Limiter
}

func newFollowUp(d *Driver) *followUp {
	return &followUp{d: d, queue: make(chan promise, 100_000), limit: rate.NewLimiter(looks, looks)}
}

// offer takes a new promise, within the limit.
func (f *followUp) offer(p promise) {
	f.made.Add(1)
	if f.limit.AllowN(p.at, 1) {
		f.add(p)
	}
}

func (f *followUp) add(p promise) {
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
		workers.Go(func() {
			c := f.d.newClients()
			defer c.Close()
			for {
				select {
				case <-ctx.Done():
					return
				case p := <-f.queue:
					f.one(ctx, &c, p)
				}
			}
		})
	}
	workers.Wait()
}

func (f *followUp) one(ctx context.Context, c *clients, p promise) {
	defer f.open.Done()
	if p.again && time.Until(p.at.Add(cachedFor+slack)) > 0 {
		// Promises come in their order: nobody behind this one is due earlier.
		if !sleep(ctx, min(time.Until(p.at.Add(cachedFor+slack)), 50*time.Millisecond)) {
			return
		}
		f.add(p)
		return
	}
	if p.again {
		f.everywhere(ctx, c, p, "out of the cache", http1.Field{})
		f.checked.Add(1)
		return
	}
	f.everywhere(ctx, c, p, "with the writer's bookmark", http1.Field{Name: "D1-Bookmark", Value: p.bookmark})
	f.see(ctx, c, p.process, p, "in the colo that wrote", http1.Field{})
	if p.process == 0 { // a repetition purges the cache of the process that it is sent to
		f.repeat(ctx, c, p)
	}
	p.again = true
	f.add(p)
}

func (f *followUp) everywhere(ctx context.Context, c *clients, p promise, how string, field http1.Field) {
	for process := range c.Conns {
		f.see(ctx, c, process, p, how, field)
	}
}

// see wants the version or a newer one. A process that is away promises nothing.
func (f *followUp) see(ctx context.Context, c *clients, process int, p promise, how string, field http1.Field) {
	var fields []http1.Field
	if field.Name != "" {
		fields = []http1.Field{field}
	}
	request, err := http1.NewRequest("GET", "/api/items/"+p.id, "edge", nil, fields...)
	if err != nil {
		f.wrong.add("%v", err)
		return
	}
	asked := time.Now()
	if err := c.Conns[process].Do(ctx, request, &c.Resp); err != nil || c.Resp.Status >= 500 {
		return
	}
	var b body
	if err := json.Unmarshal(c.Resp.Body, &b); err != nil || b.Version < p.version || b.Cost != nil {
		f.wrong.add("version %d of %s was acknowledged at %s, and %v later process %d answered a read %s with %d %.120s",
			p.version, p.id, p.at.Format("15:04:05.000"), asked.Sub(p.at).Round(time.Millisecond), process, how, c.Resp.Status, c.Resp.Body)
	}
}

// repeat sends the change once more, to the next process: the answer must be the
// first one.
func (f *followUp) repeat(ctx context.Context, c *clients, p promise) {
	request, err := f.d.request(p.write)
	if err != nil {
		f.wrong.add("%v", err)
		return
	}
	process := (p.process + 1) % len(c.Conns)
	if err := c.Conns[process].Do(ctx, request, &c.Resp); err != nil || c.Resp.Status >= 500 {
		return
	}
	if !bytes.Equal(c.Resp.Body, []byte(p.answer)) {
		f.wrong.add("%s was answered %s, and its repetition %d %.200s", p.write, p.answer, c.Resp.Status, c.Resp.Body)
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
