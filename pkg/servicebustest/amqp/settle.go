package amqp

import (
	"github.com/provingground/provingground/pkg/servicebustest/encoding"
)

// Kind is what a peer did with a delivery.
type Kind int

// Kinds of outcome (part 3, section 3.4).
const (
	Accepted Kind = iota + 1
	Rejected
	Released
	Modified
)

// Outcome is what a peer did with a delivery, and more about it.
type Outcome struct {
	Kind          Kind
	Undeliverable bool         // Modified: not to this peer again
	Annotations   encoding.Map // Modified
	Condition     string       // Rejected
	Description   string       // Rejected
	Info          encoding.Map // Rejected
}

// handleDisposition takes outcomes of a range of deliveries (part 2, section
// 2.7.6). Only ids that are open cost anything, however wide the range.
func (s *session) handleDisposition(f encoding.Fields) error {
	if !f.Bool(0) {
		return nil // about what we received: we have settled it already
	}
	first := f.Uint32(1, 0)
	last := f.Uint32(2, first)
	outcome, ok := outcomeOf(f.At(4))
	settled := f.Bool(3)
	if !ok && !settled {
		return nil // received: nothing is decided
	}
	for _, id := range s.openIDs(first, last) {
		s.settle(id, outcome, f.At(4), settled)
	}
	return nil
}

func (s *session) openIDs(first, last uint32) []uint32 {
	s.conn.mu.Lock()
	defer s.conn.mu.Unlock()
	if first == last {
		return []uint32{first}
	}
	var ids []uint32
	if span := last - first; uint64(span) < uint64(len(s.unsettled)) {
		for i := range span + 1 {
			ids = append(ids, first+i)
		}
		return ids
	}
	for id := range s.unsettled {
		if id-first <= last-first { // serial number arithmetic
			ids = append(ids, id)
		}
	}
	return ids
}

func (s *session) settle(id uint32, o Outcome, state any, settled bool) {
	c := s.conn
	c.mu.Lock()
	d, open := s.unsettled[id]
	delete(s.unsettled, id)
	c.mu.Unlock()
	done := func(failure *Error) {
		if !settled {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.send(s.channel, codeDisposition, false, id, id, true, answer(o, state, failure))
		}
	}
	switch {
	case !open:
		done(Errorf("com.microsoft:message-lock-lost", "The delivery %d is not open on this session.", id))
	case o.Kind == 0:
		o.Kind = Accepted // settled without a state (part 3, section 3.4)
		fallthrough
	default:
		d.link.source.Settle(d.tag, o, done)
	}
}

// answer echoes the outcome. A rejection is echoed without its error, which a
// client would raise.
func answer(o Outcome, state any, failure *Error) any {
	switch {
	case failure != nil:
		return composite(codeRejected, failure.encoded())
	case o.Kind == Rejected:
		return composite(codeRejected)
	}
	return state
}

func outcomeOf(v any) (Outcome, bool) {
	code, f, ok := encoding.Composite(v)
	if !ok {
		return Outcome{}, false
	}
	switch code {
	case codeAccepted:
		return Outcome{Kind: Accepted}, true
	case codeRejected:
		_, e, _ := encoding.Composite(f.At(0))
		return Outcome{Kind: Rejected, Condition: e.Text(0), Description: e.Text(1), Info: e.Map(2)}, true
	case codeReleased:
		return Outcome{Kind: Released}, true
	case codeModified:
		return Outcome{Kind: Modified, Undeliverable: f.Bool(1), Annotations: f.Map(2)}, true
	}
	return Outcome{}, false
}
