package urlshortener

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/provingground/provingground/loadtest/http1"
	"github.com/provingground/provingground/loadtest/judge"
	"github.com/provingground/provingground/loadtest/ledger"
)

const (
	visibleWithin = time.Second      // what is acknowledged is seen by every process
	slowWithin    = 10 * time.Second // later than that a busy machine is no explanation
	lostWithin    = 61 * time.Second // a deletion whose announcement was lost is seen, too
	askers        = 16
)

// promise is an acknowledged creation. Once every process has been asked for
// it, every fifth is deleted, and that is followed up in turn.
type promise struct {
	creation
	made    created
	at      time.Time // of the acknowledgement, of the creation or the deletion
	process int
	deleted bool
	stage   int // of a deletion: how often some process still served the link
}

// followUp asks, a second after each acknowledgement, whether every process
// knows about it.
type followUp struct {
	d     *Driver
	queue chan promise
	open  sync.WaitGroup // promises not yet looked at

	mu         sync.Mutex
	violations []string
	checked    int
	slow, late int // deletions that were not seen by all in time, and long after
}

func newFollowUp(d *Driver) *followUp {
	return &followUp{d: d, queue: make(chan promise, 100_000)}
}

func (f *followUp) add(p promise) {
	f.open.Add(1)
	select {
	case f.queue <- p:
	default:
		f.violation("too many promises to look at: %s was not", p.target)
		f.open.Done()
	}
}

func (f *followUp) violation(format string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.violations = append(f.violations, fmt.Sprintf(format, args...))
}

// run looks at promises until ctx ends.
func (f *followUp) run(ctx context.Context) {
	var workers sync.WaitGroup
	for range askers {
		workers.Go(func() { f.work(ctx) })
	}
	workers.Wait()
}

func (f *followUp) work(ctx context.Context) {
	c := f.d.newClients(readTimeout)
	defer c.Close()
	for {
		select {
		case <-ctx.Done():
			return
		case p := <-f.queue:
			f.look(ctx, &c, p)
			f.open.Done()
		}
	}
}

// look waits until the promise is due, asks every process, and goes on to the
// next stage of the link's life.
func (f *followUp) look(ctx context.Context, c *clients, p promise) {
	due := [...]time.Duration{visibleWithin, slowWithin, lostWithin}[p.stage]
	if !sleep(ctx, time.Until(p.at.Add(due))) {
		return
	}
	f.mu.Lock()
	f.checked++
	f.mu.Unlock()
	switch {
	case p.deleted && p.stage < 2 && f.served(ctx, c, p):
		f.mu.Lock()
		f.slow += 1 - p.stage
		f.late += p.stage
		f.mu.Unlock()
		p.stage++
		f.add(p)
	case p.deleted:
		f.ask(ctx, c, p, 404, "was deleted")
	case !p.expires.IsZero():
		if time.Until(p.expires) > 500*time.Millisecond {
			f.ask(ctx, c, p, 302, "was acknowledged")
		}
		f.d.ledger.Over(p.target, p.expires)
		if sleep(ctx, time.Until(p.expires.Add(50*time.Millisecond))) {
			f.ask(ctx, c, p, 404, "expired")
		}
	default:
		f.ask(ctx, c, p, 302, "was acknowledged")
		if p.key[len(p.key)-1] == '5' {
			f.delete(ctx, c, p)
		}
	}
}

// served reports whether any process still redirects.
func (f *followUp) served(ctx context.Context, c *clients, p promise) bool {
	request := f.d.get("/" + p.made.Code)
	for i := range c.Conns {
		if err := c.Conns[i].Do(ctx, request, &c.Resp); err == nil && c.Resp.Status == 302 {
			return true
		}
	}
	return false
}

// ask checks the answer of every process that is ready. One that cannot say,
// for its stores are away, has promised nothing.
func (f *followUp) ask(ctx context.Context, c *clients, p promise, want int, happened string) {
	request := f.d.get("/" + p.made.Code)
	for i := range c.Conns {
		for range 3 {
			err := c.Conns[i].Do(ctx, request, &c.Resp)
			if err != nil {
				break // a process that is away is no witness; reading back at the end asks again
			}
			if c.Resp.Status >= 500 {
				if !sleep(ctx, writePause) {
					return
				}
				continue
			}
			if want == 302 && !p.expires.IsZero() && !time.Now().Before(p.expires) {
				return // one that stood still took so long that the link has expired
			}
			if c.Resp.Status != want || (want == 302 && string(c.Resp.Header("Location")) != p.target) {
				f.violation("%s (/%s) %s at %s, and %v later process %d answered %d", p.target, p.made.Code, happened,
					p.at.Format("15:04:05.000"), time.Since(p.at).Round(time.Millisecond), i, c.Resp.Status)
			}
			break
		}
	}
}

// delete ends the link, asking again until the answer is definite.
func (f *followUp) delete(ctx context.Context, c *clients, p promise) {
	request, err := http1.NewRequest("DELETE", "/api/links/"+p.made.Code, f.d.host(), nil,
		http1.Field{Name: "Authorization", Value: "Bearer " + p.made.Token})
	if err != nil {
		f.violation("%s: %v", p.target, err)
		return
	}
	deadline := time.Now().Add(writeDeadline)
	f.d.ledger.Ending(p.target, time.Now())
	for k := int64(p.process); time.Now().Before(deadline); k++ {
		process, err := c.Do(ctx, k, request)
		if err == nil && ledger.EndOf(c.Resp.Status, c.Resp.Header("Retry-After") != nil) == ledger.Acknowledged {
			f.d.ledger.Over(p.target, time.Now())
			p.at, p.process, p.deleted = time.Now(), process, true
			f.goneAtOnce(ctx, c, p)
			f.add(p)
			return
		}
		if err == nil && (c.Resp.Status == 403 || c.Resp.Status == 404) {
			f.violation("the owner of %s could not delete it: %d", p.target, c.Resp.Status)
			return
		}
		if !sleep(ctx, writePause) {
			return
		}
	}
	// Nobody said that it is deleted: the ledger takes either.
}

func (f *followUp) goneAtOnce(ctx context.Context, c *clients, p promise) {
	if err := c.Conns[p.process].Do(ctx, f.d.get("/"+p.made.Code), &c.Resp); err == nil && c.Resp.Status == 302 {
		f.violation("%s was deleted and still resolves through the process that deleted it", p.target)
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

// report returns how many promises were looked at, how many deletions came slowly
// and how many late, and what was wrong.
func (f *followUp) report() (checked, slow, late int, wrong string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.checked, f.slow, f.late, judge.Some(f.violations)
}
