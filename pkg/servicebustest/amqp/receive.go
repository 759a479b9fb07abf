package amqp

import (
	"fmt"

	"github.com/provingground/provingground/pkg/servicebustest/encoding"
)

// Transfer is one message that a peer has sent.
type Transfer struct {
	Format  uint32 // message-format: 0, or what the peer calls a batch
	Settled bool   // the peer does not want to know
	Payload []byte

	link *Link
	id   uint32
}

// Link is the link that the message came on.
func (t *Transfer) Link() *Link { return t.link }

// Accept tells the peer that the message is taken.
func (t *Transfer) Accept() { t.settle(composite(codeAccepted)) }

// Reject tells the peer that the message is not taken, and why.
func (t *Transfer) Reject(reason *Error) { t.settle(composite(codeRejected, reason.encoded())) }

func (t *Transfer) settle(state any) {
	if t.Settled {
		return
	}
	c := t.link.session.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	c.send(t.link.session.channel, codeDisposition, true, t.id, t.id, true, state)
}

// assembly is a message of which not every frame has come.
type assembly struct {
	id, format uint32
	settled    bool
	size       uint64
	bytes      []byte // what is kept: nothing of a message that is too large
}

// handleTransfer takes one frame of a message (part 2, section 2.6.14).
func (s *session) handleTransfer(f encoding.Fields, payload []byte) error {
	handle := f.Uint32(0, 0)
	s.conn.mu.Lock()
	s.nextIncoming++
	if s.nextIncoming%refreshAfter == 0 {
		s.sendFlow(nil, false)
	}
	l := s.links[handle]
	s.conn.mu.Unlock()
	switch {
	case l == nil:
		return fmt.Errorf("%w: transfer on handle %d, which is not attached", errFrame, handle)
	case l.sink == nil || l.state != attached:
		return nil // sent before the peer saw that the link is refused or detached
	}
	if f.Bool(9) { // aborted
		l.session.conn.mu.Lock()
		l.dropPartial()
		l.session.conn.mu.Unlock()
		return nil
	}
	t, err := l.assemble(f, payload)
	if err != nil || t == nil {
		return err
	}
	l.spend()
	if limit := s.conn.cfg.MaxMessage; uint64(len(t.Payload)) > limit || t.Payload == nil {
		// A rejection, not a detach: that is what every client understands.
		t.Reject(Errorf("amqp:link:message-size-exceeded", "the message is larger than %d bytes", limit))
		return nil
	}
	l.sink.Transfer(t)
	return nil
}

// assemble joins the frames of a message and returns it with the last one. A
// message that is too large comes without its payload.
func (l *Link) assemble(f encoding.Fields, payload []byte) (*Transfer, error) {
	a, more := l.incoming, f.Bool(5)
	if a == nil {
		a = &assembly{id: f.Uint32(1, 0), format: f.Uint32(3, 0)}
	}
	a.settled = a.settled || f.Bool(4)
	a.size += uint64(len(payload))
	if l.incoming == nil && !more {
		if payload == nil {
			payload = []byte{}
		}
		return &Transfer{Format: a.format, Settled: a.settled, Payload: payload, link: l, id: a.id}, nil
	}
	if err := l.keep(a, payload); err != nil {
		return nil, err
	}
	if more {
		return nil, nil
	}
	t := &Transfer{Format: a.format, Settled: a.settled, Payload: a.bytes, link: l, id: a.id}
	l.session.conn.mu.Lock()
	l.dropPartial()
	l.session.conn.mu.Unlock()
	return t, nil
}

// keep adds a frame to the message that arrives, as long as it may be taken.
func (l *Link) keep(a *assembly, payload []byte) error {
	c := l.session.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	l.incoming = a
	if a.size > c.cfg.MaxMessage {
		c.partial -= len(a.bytes)
		a.bytes = nil
		return nil
	}
	c.partial += len(payload)
	if c.partial > maxPartial {
		return Errorf("amqp:resource-limit-exceeded", "more than %d bytes of unfinished messages on one connection", maxPartial)
	}
	a.bytes = append(a.bytes, payload...)
	return nil
}

// dropPartial forgets the message that arrives; the caller holds mu.
func (l *Link) dropPartial() {
	if l.incoming != nil {
		l.session.conn.partial -= len(l.incoming.bytes)
		l.incoming = nil
	}
}

// spend counts a message against the peer's credit and renews it in time.
func (l *Link) spend() {
	c := l.session.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	l.count++
	if l.credit > 0 {
		l.credit--
	}
	if l.credit < creditForPeer/2 {
		l.credit = creditForPeer
		l.session.sendFlow(l, false)
	}
}
