package amqp

import (
	"fmt"
	"math"

	"github.com/provingground/provingground/pkg/servicebustest/encoding"
)

const (
	handleMax = 254
	// incomingWindow is how many transfer frames a peer may send before it
	// needs a flow; frames are handled as they are read, so that any window is
	// honest. refreshAfter is when it gets one.
	incomingWindow = 8192
	refreshAfter   = 2048
	outgoingWindow = math.MaxInt32
)

// session is one session (part 2, section 2.5). Its channel number is the same
// in both directions, and so are the handles of its links.
type session struct {
	conn    *Conn
	channel uint16
	links   map[uint32]*Link

	nextIncoming uint32
	nextOutgoing uint32
	window       uint32 // transfer frames that the peer still takes
	deliveries   uint32 // the next delivery id
	unsettled    map[uint32]delivery
	blocked      []transferFrame // cut from a delivery, waiting for the window
}

// delivery is one that the peer has not settled.
type delivery struct {
	link *Link
	tag  [16]byte
}

// transferFrame is a transfer that waits for the session window.
type transferFrame struct {
	link  *Link
	first bool
	id    uint32
	tag   [16]byte
	last  bool
	done  bool // settled
	bytes []byte
}

func newSession(c *Conn, channel uint16, begin encoding.Fields) *session {
	s := &session{
		conn: c, channel: channel, links: map[uint32]*Link{}, unsettled: map[uint32]delivery{},
		nextIncoming: begin.Uint32(1, 0), window: begin.Uint32(2, 0), nextOutgoing: 1,
	}
	c.send(channel, codeBegin, channel, s.nextOutgoing, uint32(incomingWindow), uint32(outgoingWindow), uint32(handleMax))
	return s
}

func (s *session) handle(code uint64, f encoding.Fields, payload []byte) error {
	switch code {
	case codeAttach:
		return s.handleAttach(f)
	case codeFlow:
		return s.handleFlow(f)
	case codeTransfer:
		return s.handleTransfer(f, payload)
	case codeDisposition:
		return s.handleDisposition(f)
	case codeDetach:
		return s.handleDetach(f)
	case codeEnd:
		s.handleEnd()
		return nil
	}
	return fmt.Errorf("%w: performative %#x", errFrame, code)
}

// handleFlow takes the peer's view of session and link (part 2, sections 2.5.6
// and 2.6.7).
func (s *session) handleFlow(f encoding.Fields) error {
	c := s.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	// Before the peer has seen our begin, it counts from our first id.
	s.window = f.Uint32(0, 1) + f.Uint32(1, 0) - s.nextOutgoing
	if int32(s.window) < 0 { // #nosec: serial number arithmetic
		s.window = 0
	}
	s.unblock()
	echo := f.Bool(9)
	if !f.Has(4) {
		if echo {
			s.sendFlow(nil, false)
		}
		for _, l := range s.links {
			l.Wake()
		}
		return nil
	}
	l := s.links[f.Uint32(4, 0)]
	if l == nil {
		return fmt.Errorf("%w: flow for handle %d, which is not attached", errFrame, f.Uint32(4, 0))
	}
	l.flow(f)
	if echo && !l.drain {
		s.sendFlow(l, false)
	}
	return nil
}

// sendFlow tells the peer our view; the caller holds the connection's mu.
func (s *session) sendFlow(l *Link, drained bool) {
	if l == nil {
		s.conn.send(s.channel, codeFlow, s.nextIncoming, uint32(incomingWindow), s.nextOutgoing, uint32(outgoingWindow))
		return
	}
	s.conn.send(s.channel, codeFlow, s.nextIncoming, uint32(incomingWindow), s.nextOutgoing, uint32(outgoingWindow),
		l.handle, l.count, l.credit, nil, drained)
}

// unblock sends frames that waited for the window; the caller holds mu.
func (s *session) unblock() {
	for len(s.blocked) > 0 && s.window > 0 {
		s.sendTransfer(s.blocked[0])
		s.blocked = s.blocked[1:]
	}
	if len(s.blocked) == 0 {
		s.blocked = nil
	}
}

func (s *session) handleEnd() {
	c := s.conn
	s.closeLinks()
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.sessions, s.channel)
	c.send(s.channel, codeEnd)
}

// closeLinks ends all links; the caller does not hold mu.
func (s *session) closeLinks() {
	s.conn.mu.Lock()
	links := s.links
	s.links = map[uint32]*Link{}
	s.conn.mu.Unlock()
	for _, l := range links {
		l.close()
	}
}
