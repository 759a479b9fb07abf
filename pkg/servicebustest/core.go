package servicebustest

import (
	"crypto/rand"
	"encoding/binary"
	mathrand "math/rand/v2"
	"sync"
	"time"

	"github.com/provingground/provingground/pkg/servicebustest/broker"
	"github.com/provingground/provingground/pkg/servicebustest/encoding"
)

// core gives the broker what it does not have: a clock, a lock, a journal, and
// somebody who acts on its effects.
type core struct {
	mu     sync.Mutex
	broker *broker.Broker
	frozen time.Time // the clock, if it stands still
	armed  time.Time // when run looks next, zero: never
	store  *store    // nil: nothing is kept

	failed chan struct{} // closed when the store has failed
	fail   sync.Once

	later []func() // for run, in order
	kick  chan struct{}
	event func(broker.Event)
}

func newCore(o Options) *core {
	return &core{
		broker: broker.New(broker.Options{Token: tokens(), Record: o.JournalDir != "" || o.folder != nil, Events: o.OnEvent != nil}),
		frozen: o.FrozenAt,
		failed: make(chan struct{}),
		kick:   make(chan struct{}, 1),
		event:  o.OnEvent,
	}
}

// tokens returns a generator of lock tokens: unique, not secret.
func tokens() func() encoding.UUID {
	var seed [32]byte
	_, _ = rand.Read(seed[:]) // never fails
	source := mathrand.NewChaCha8(seed)
	return func() (u encoding.UUID) {
		binary.BigEndian.PutUint64(u[:8], source.Uint64())
		binary.BigEndian.PutUint64(u[8:], source.Uint64())
		return u
	}
}

func (c *core) now() time.Time {
	if c.frozen.IsZero() {
		return time.Now()
	}
	return c.frozen
}

// do calls the broker at the present time and sees to what follows from it. It
// takes no lock of a connection, so that connections may call it under theirs.
func (c *core) do(f func(*broker.Broker)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.broker.Advance(c.now())
	f(c.broker)
	e := c.broker.Effects()
	if len(e.Record) > 0 && c.store != nil {
		c.store.add(e.Record) // in the order of the broker
		c.checkpoint()
	}
	for _, r := range e.Ready {
		r.User.(*source).link.Wake()
	}
	c.postpone(e)
	if next, ok := c.broker.Next(); ok && (c.armed.IsZero() || next.Before(c.armed)) {
		c.signal()
	}
}

// postpone leaves to run what takes locks of connections or calls users.
func (c *core) postpone(e broker.Effects) {
	for _, r := range e.Opened {
		c.later = append(c.later, r.User.(*source).opened)
	}
	for _, closed := range e.Closed {
		c.later = append(c.later, func() { closed.Receiver.User.(*source).closed(closed.Err) })
	}
	for _, event := range e.Events {
		c.later = append(c.later, func() { c.event(event) })
	}
	if len(c.later) > 0 {
		c.signal()
	}
}

func (c *core) signal() {
	select {
	case c.kick <- struct{}{}:
	default:
	}
}

// run acts on effects and lets time pass, until done is closed.
func (c *core) run(done <-chan struct{}) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		select {
		case <-done:
			c.runLater()
			return
		case <-timer.C:
			c.do(func(*broker.Broker) {})
		case <-c.kick:
		}
		c.runLater()
		timer.Reset(c.arm())
	}
}

// arm returns how long run may sleep.
func (c *core) arm() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	next, ok := c.broker.Next()
	if !ok || !c.frozen.IsZero() {
		c.armed = time.Time{}
		return time.Hour
	}
	c.armed = next
	return time.Until(next)
}

func (c *core) runLater() {
	for {
		c.mu.Lock()
		tasks := c.later
		c.later = nil
		c.mu.Unlock()
		if len(tasks) == 0 {
			return
		}
		for _, task := range tasks {
			task()
		}
	}
}

// advance moves a clock that stands still.
func (c *core) advance(d time.Duration) {
	c.mu.Lock()
	c.frozen = c.frozen.Add(d)
	c.mu.Unlock()
	c.do(func(*broker.Broker) {})
}

// barrier returns when everything that has happened is on disk.
func (c *core) barrier() error {
	if c.store == nil {
		return nil
	}
	c.mu.Lock()
	last := c.store.last
	c.mu.Unlock()
	err := last.Wait()
	if err != nil {
		c.fail.Do(func() { close(c.failed) })
	}
	return err
}
