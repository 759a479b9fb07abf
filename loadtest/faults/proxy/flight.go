package proxy

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"sync"
)

// maxInFlight bounds the operations of one connection that wait for an answer.
const maxInFlight = 1 << 16

// pending is an operation that was forwarded and is not answered.
type pending struct {
	op       *Operation
	plan     *plan // nil without a fault
	through  bool
	begun    bool    // some of the answer has arrived
	captured *buffer // gets the answer instead of the client
}

// flight is the line of pending operations of one connection, in the order in
// which the server answers.
type flight struct {
	mu      sync.Mutex
	changed sync.Cond
	waiting []*pending
	closed  bool
}

func newFlight() *flight {
	f := &flight{}
	f.changed.L = &f.mu
	return f
}

func (f *flight) push(p *pending) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for len(f.waiting) >= maxInFlight && !f.closed {
		f.changed.Wait()
	}
	if f.closed {
		return net.ErrClosed
	}
	f.waiting = append(f.waiting, p)
	return nil
}

func (f *flight) front() *pending {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.waiting) == 0 {
		return nil
	}
	return f.waiting[0]
}

func (f *flight) pop() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.waiting[0] = nil
	f.waiting = f.waiting[1:]
	f.changed.Broadcast()
}

// idle waits until everything is answered.
func (f *flight) idle() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for len(f.waiting) > 0 && !f.closed {
		f.changed.Wait()
	}
	if f.closed {
		return net.ErrClosed
	}
	return nil
}

func (f *flight) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	f.changed.Broadcast()
}

// buffer is a bounded bytes.Buffer.
type buffer struct {
	bytes.Buffer
	limit int
}

// Write fails, and writes nothing, when the buffer would exceed its limit.
func (b *buffer) Write(p []byte) (int, error) {
	if b.Len()+len(p) > b.limit {
		return 0, fmt.Errorf("more than the %d bytes that are held for a fault", b.limit)
	}
	return b.Buffer.Write(p)
}

// spill holds what is written up to its limit. What exceeds it goes on to
// another writer, after all that was held.
type spill struct {
	buffer
	to     io.Writer
	before func() error // called before the first byte goes on
	over   bool
}

// Write holds b or passes it on.
func (s *spill) Write(b []byte) (int, error) {
	if s.over {
		return s.to.Write(b)
	}
	if s.Len()+len(b) <= s.limit {
		return s.buffer.Write(b)
	}
	s.over = true
	if err := s.before(); err != nil {
		return 0, err
	}
	if _, err := s.WriteTo(s.to); err != nil {
		return 0, err
	}
	return s.to.Write(b)
}
