package pubsubtest

import (
	"fmt"
	"iter"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/provingground/provingground/pkg/journal"
	"github.com/provingground/provingground/pkg/pubsubtest/broker"
)

// engine runs a broker: one lock, one timer, a journal.
//
// Nothing leaves the server before it is on disk: an answer waits for the
// newest record at the time it was made, whoever wrote that. So neither a
// publisher nor a subscriber ever saw what a crash undoes.
type engine struct {
	clock   Clock
	log     *slog.Logger
	journal *journal.Journal // nil in memory

	mu         sync.Mutex
	broker     *broker.Broker
	last       journal.Ticket
	buffer     []byte
	armed      time.Time // when the timer looks again; zero: never
	listeners  map[*broker.Subscription]map[*listener]struct{}
	checkpoint bool // one is being written
	closed     bool

	rearm   chan struct{}
	closing chan struct{}
	failed  chan struct{} // closed when the journal failed
	fail    sync.Once
	running sync.WaitGroup
	woken   func([]*broker.Subscription) // called with mu held; must not block
}

func newEngine(options Options) (*engine, error) {
	e := &engine{
		clock: options.Clock, log: options.Log,
		listeners: map[*broker.Subscription]map[*listener]struct{}{},
		rearm:     make(chan struct{}, 1), closing: make(chan struct{}), failed: make(chan struct{}),
		broker: broker.New(broker.Options{
			Epoch: rand.Uint32(), Durable: options.Folder != nil, MaxBytes: options.MaxBytes,
			EnforceDeadLetterGrants: options.EnforceDeadLetterGrants,
		}),
	}
	if options.Folder == nil {
		return e, nil
	}
	j, err := journal.Open(options.Folder, journal.Options{}, func(record []byte) error {
		events, err := broker.DecodeEvents(record)
		if err != nil {
			return err
		}
		return e.broker.Restore(events)
	})
	if err != nil {
		return nil, err
	}
	e.journal = j
	e.broker.Restored(e.clock.Now())
	return e, nil
}

// change calls f, which must not block, and returns when what it did is on disk.
func (e *engine) change(f func(b *broker.Broker, now time.Time) error) error {
	ticket, err := e.begin(f)
	if failure := e.durable(ticket); failure != nil {
		return failure
	}
	return err
}

// begin is change without the wait: nothing may be told to anybody before
// durable returned.
func (e *engine) begin(f func(b *broker.Broker, now time.Time) error) (journal.Ticket, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return journal.Ticket{}, status.Error(codes.Unavailable, "the server is closing")
	}
	err := f(e.broker, e.clock.Now())
	e.settle()
	return e.last, err
}

func (e *engine) durable(ticket journal.Ticket) error {
	if err := ticket.Wait(); err != nil {
		e.fail.Do(func() { close(e.failed) })
		return status.Errorf(codes.Unavailable, "not durable: %v", err)
	}
	return nil
}

// settle journals and announces what the broker did. The caller holds mu.
func (e *engine) settle() {
	changes := e.broker.Take()
	if len(changes.Events) > 0 {
		e.buffer = broker.AppendEvents(e.buffer[:0], changes.Events)
		e.last = e.journal.Add(e.buffer)
		e.compact()
	}
	for _, s := range changes.Wake {
		for l := range e.listeners[s] {
			l.notify()
		}
	}
	if e.woken != nil && len(changes.Wake) > 0 {
		e.woken(changes.Wake)
	}
	if at, ok := e.broker.Next(); ok && (e.armed.IsZero() || at.Before(e.armed)) {
		select {
		case e.rearm <- struct{}{}:
		default:
		}
	}
}

// compact begins a checkpoint when the log has grown as large as the last one:
// then all checkpoints together write about as much as the log. The caller
// holds mu.
func (e *engine) compact() {
	stats := e.journal.Stats()
	if e.checkpoint || stats.Bytes < max(64<<20, stats.CheckpointBytes) {
		return
	}
	e.checkpoint = true
	mark, state := e.journal.Cut(), e.broker.State()
	e.running.Go(func() {
		err := e.journal.Checkpoint(mark, encoded(state))
		if err != nil {
			e.log.Error("checkpoint", "error", err)
		}
		e.mu.Lock()
		e.checkpoint = false
		e.mu.Unlock()
	})
}

func encoded(state iter.Seq[[]broker.Event]) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		var buffer []byte
		for events := range state {
			buffer = broker.AppendEvents(buffer[:0], events)
			if !yield(buffer) {
				return
			}
		}
	}
}

// run lets time pass until close.
func (e *engine) run() {
	for {
		reached, stop := e.arm()
		select {
		case <-reached:
		case <-e.rearm:
		case <-e.closing:
			stop()
			return
		}
		stop()
		_, _ = e.begin(func(b *broker.Broker, now time.Time) error {
			b.Advance(now)
			return nil
		})
	}
}

func (e *engine) arm() (<-chan struct{}, func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	at, ok := e.broker.Next()
	if !ok {
		e.armed = time.Time{}
		return nil, func() {}
	}
	e.armed = at
	return e.clock.At(at)
}

// close ends the journal, when all that runs has seen that closing is closed.
func (e *engine) close() error {
	e.mu.Lock()
	e.closed = true
	e.mu.Unlock()
	e.running.Wait()
	if e.journal == nil {
		return nil
	}
	if err := e.journal.Close(); err != nil {
		return fmt.Errorf("pubsubtest: %w", err)
	}
	return nil
}

// listener is told when a subscription may have something to deliver.
type listener struct{ woken chan struct{} }

func (l *listener) notify() {
	select {
	case l.woken <- struct{}{}:
	default:
	}
}

func (e *engine) listen(s *broker.Subscription) *listener {
	e.mu.Lock()
	defer e.mu.Unlock()
	l := &listener{make(chan struct{}, 1)}
	if e.listeners[s] == nil {
		e.listeners[s] = map[*listener]struct{}{}
	}
	e.listeners[s][l] = struct{}{}
	return l
}

func (e *engine) unlisten(s *broker.Subscription, l *listener) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.listeners[s], l)
	if len(e.listeners[s]) == 0 {
		delete(e.listeners, s)
	}
}
