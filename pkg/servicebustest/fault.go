package servicebustest

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/provingground/provingground/pkg/servicebustest/amqp"
	"github.com/provingground/provingground/pkg/servicebustest/encoding"
)

// Operation names what a client does, for faults. The operations of
// $management have the names that the service gives them, without the prefix
// com.microsoft: such as "renew-lock" or "peek-message".
type Operation string

// Operations outside $management.
const (
	OpAuthorize Operation = "put-token" // a token, at $cbs
	OpAttach    Operation = "attach"    // opening a link
	OpSend      Operation = "send"      // one message or batch
	OpReceive   Operation = "receive"   // delivery of one message
	OpSettle    Operation = "settle"    // complete, abandon, defer, dead-letter on the link
)

// Scope is how far a failure reaches.
type Scope int

// Scopes of a failure.
const (
	FailOperation  Scope = iota // the operation is answered with the error
	FailLink                    // the link is detached with it
	FailConnection              // the connection is closed with it
)

// Fault is something that goes wrong on purpose.
type Fault struct {
	Entity    string    // path; "" is any
	Operation Operation // "" is any
	Times     int       // how often; 0 is until it is removed

	// Delay lets the operation wait before it is carried out.
	Delay time.Duration
	// Condition, if set, makes the operation fail with this AMQP error
	// condition, such as "com.microsoft:server-busy", and not be carried out.
	Condition   string
	Description string
	Scope       Scope
	// Disconnect cuts the connection instead of carrying out the operation.
	Disconnect bool
	// LoseAnswer carries out the operation and cuts the connection instead of
	// answering.
	LoseAnswer bool
}

// faults are those of a server.
type faults struct {
	any    atomic.Bool // keeps the lock out of the way when there is none
	mu     sync.Mutex
	active []*Fault
}

// Inject makes something go wrong. The first fault that fits an operation is
// the one that happens. The function that it returns takes the fault back.
func (s *Server) Inject(f Fault) (remove func()) {
	f.Entity = strings.ToLower(strings.Trim(f.Entity, "/"))
	own := &f
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.active = append(s.faults.active, own)
	s.faults.any.Store(true)
	return func() { s.faults.remove(own) }
}

func (s *faults) remove(f *Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.active = slices.DeleteFunc(s.active, func(x *Fault) bool { return x == f })
	s.any.Store(len(s.active) > 0)
}

// match takes the fault for an operation, if there is one.
func (s *faults) match(entity string, o Operation) (Fault, bool) {
	if !s.any.Load() {
		return Fault{}, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, f := range s.active {
		if f.Entity != "" && f.Entity != strings.ToLower(entity) || f.Operation != "" && f.Operation != o {
			continue
		}
		found := *f
		if f.Times == 1 {
			s.active = slices.Delete(s.active, i, i+1)
			s.any.Store(len(s.active) > 0)
		} else if f.Times > 1 {
			f.Times--
		}
		return found, true
	}
	return Fault{}, false
}

// step is one operation of a client.
type step struct {
	entity    string
	operation Operation
	link      *amqp.Link
	do        func() *amqp.Error
	answer    func()            // after do succeeded; nil if do answers itself
	fail      func(*amqp.Error) // after do failed, or instead of it
}

// run carries out an operation, or what was injected instead. With a delay it
// returns before.
func (c *connection) run(s step) {
	f, ok := c.server.faults.match(s.entity, s.operation)
	if ok && f.Delay > 0 {
		c.conn.After(f.Delay, func() { c.carry(s, f) })
		return
	}
	c.carry(s, f)
}

func (c *connection) carry(s step, f Fault) {
	switch {
	case f.Disconnect:
		c.conn.Abort()
		return
	case f.Condition != "":
		c.refuse(s, f)
		return
	}
	err := s.do()
	switch {
	case f.LoseAnswer:
		_ = c.server.core.barrier() // it happened, for good
		c.conn.Abort()
	case err != nil:
		s.fail(err)
	case s.answer != nil:
		s.answer()
	}
}

// refuse fails an operation as the fault says.
func (c *connection) refuse(s step, f Fault) {
	err := &amqp.Error{Condition: encoding.Symbol(f.Condition), Description: f.Description}
	switch f.Scope {
	case FailOperation:
		s.fail(err)
	case FailLink:
		s.link.Detach(err)
	case FailConnection:
		c.conn.Close(err)
	}
}
