//go:build unix

package server

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"
)

// progress tells what happens, one plain line at a time.
type progress struct {
	mu  sync.Mutex
	out io.Writer
}

func (p *progress) say(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	fmt.Fprintf(p.out, format+"\n", args...)
}

// step says what begins, that it goes on, and how long it took.
func (p *progress) step(ctx context.Context, what string, do func(context.Context) error) error {
	began := time.Now()
	p.say("%s …", what)
	ended := make(chan struct{})
	var ticking sync.WaitGroup
	ticking.Go(func() { p.remind(what, began, ended) })
	err := do(ctx)
	close(ended)
	ticking.Wait()
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	p.say("%s: done in %.1f s", what, time.Since(began).Seconds())
	return nil
}

func (p *progress) remind(what string, began time.Time, ended <-chan struct{}) {
	tick := time.NewTicker(10 * time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ended:
			return
		case <-tick.C:
			p.say("%s … still at it after %.0f s", what, time.Since(began).Seconds())
		}
	}
}
