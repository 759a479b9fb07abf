package amqp

import (
	"fmt"

	"github.com/provingground/provingground/pkg/servicebustest/encoding"
)

// Attach is a link that a peer asks for.
type Attach struct {
	Name        string
	Sends       bool   // the peer sends and this end takes
	Address     string // of this end: the target of what the peer sends, the source of what it receives
	PeerAddress string // the address of the peer's own end, if it has one
	Presettled  bool   // the peer does not want to settle what it receives
	Coordinator bool   // the peer wants to send transactions
	Filter      encoding.Map
	Properties  encoding.Map

	link           *Link
	fields         encoding.Fields
	source, target encoding.Fields
}

func (s *session) handleAttach(f encoding.Fields) error {
	c := s.conn
	handle := f.Uint32(1, 0)
	c.mu.Lock()
	if handle > handleMax || s.links[handle] != nil || f.Text(0) == "" {
		c.mu.Unlock()
		return fmt.Errorf("%w: attach of link %q at handle %d", errFrame, f.Text(0), handle)
	}
	l := &Link{session: s, name: f.Text(0), handle: handle}
	s.links[handle] = l
	c.links++
	full := c.links > c.cfg.MaxLinks
	c.mu.Unlock()
	a := newAttach(l, f)
	if full {
		a.Refuse(Errorf("amqp:resource-limit-exceeded", "a connection has at most %d links", c.cfg.MaxLinks))
		return nil
	}
	c.cfg.Attach(a)
	return nil
}

func newAttach(l *Link, f encoding.Fields) *Attach {
	a := &Attach{Name: l.name, Sends: !f.Bool(2), Properties: f.Map(13), link: l, fields: f}
	_, a.source, _ = encoding.Composite(f.At(5))
	code, target, _ := encoding.Composite(f.At(6))
	a.target = target
	if a.Sends {
		a.Address, a.PeerAddress = a.target.Text(0), a.source.Text(0)
		a.Coordinator = code == codeCoordinator
		return a
	}
	a.Address, a.PeerAddress = a.source.Text(0), a.target.Text(0)
	mode, _ := f.At(3).(uint8)
	a.Presettled = mode == 1
	a.Filter = a.source.Map(7)
	return a
}

// Link is the link that is asked for.
func (a *Attach) Link() *Link { return a.link }

// Refuse answers with an attach whose end on this side is null, and a detach
// that says why (part 2, section 2.6.3). The peer's detach is not answered.
func (a *Attach) Refuse(reason *Error) {
	c := a.link.session.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	if a.link.state != attaching {
		return
	}
	a.link.state = detaching
	f := a.fields
	reply := []any{a.Name, a.link.handle, a.Sends, f.At(3), f.At(4), nil, nil}
	if !a.Sends {
		reply = append(reply, nil, nil, uint32(0))
	}
	c.send(a.link.session.channel, codeAttach, reply...)
	c.send(a.link.session.channel, codeDetach, a.link.handle, true, reason.encoded())
}

// Sink accepts a link on which the peer sends. It is false, and the sink is
// not used, if the link has ended meanwhile.
func (a *Attach) Sink(sink Sink) bool {
	c := a.link.session.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	l := a.link
	if l.state != attaching {
		return false
	}
	l.state, l.sink, l.credit = attached, sink, creditForPeer
	f := a.fields
	target := a.target
	if target == nil {
		target = encoding.Fields{a.Address}
	}
	// Clients take the size of their batches from max-message-size.
	c.send(l.session.channel, codeAttach, a.Name, l.handle, true, f.At(3), f.At(4),
		f.At(5), composite(codeTarget, target...), nil, nil, nil, c.cfg.MaxMessage)
	l.session.sendFlow(l, false)
	return true
}

// Source accepts a link on which the peer receives, with the filter and the
// properties that hold. It is false, and the source is not used, if the link
// has ended meanwhile.
func (a *Attach) Source(source Source, filter, properties encoding.Map) bool {
	c := a.link.session.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	l := a.link
	if l.state != attaching {
		return false
	}
	l.state, l.source = attached, source
	f := a.fields
	fields := append(encoding.Fields(nil), a.source...)
	for len(filter) > 0 && len(fields) < 8 {
		fields = append(fields, nil)
	}
	if len(filter) > 0 {
		fields[7] = filter
	}
	c.send(l.session.channel, codeAttach, a.Name, l.handle, false, f.At(3), f.At(4),
		composite(codeSource, fields...), f.At(6), nil, nil, uint32(0), c.cfg.MaxMessage, nil, nil, orNull(properties))
	return true
}

func orNull(m encoding.Map) any {
	if len(m) == 0 {
		return nil
	}
	return m
}
