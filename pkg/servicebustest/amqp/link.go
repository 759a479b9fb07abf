package amqp

import (
	"fmt"

	"github.com/provingground/provingground/pkg/servicebustest/encoding"
)

// Sink takes what a peer sends on one link.
type Sink interface {
	// Transfer takes one message. It, or somebody later, calls Accept or Reject
	// of the transfer. Its payload is valid until Transfer returns.
	Transfer(*Transfer)
	// Close is called once, when the link has ended.
	Close()
}

// Source has what a peer receives on one link.
type Source interface {
	// Next returns the next message for the peer. When it returns false, the
	// source calls Wake of its link as soon as there may be another one. The
	// connection holds a lock meanwhile: Next must not call back into it.
	Next() (Delivery, bool)
	// Skip says that the link was woken and cannot take anything now.
	Skip()
	// Settle applies the peer's outcome to a delivery and calls done, now or
	// later. An error is what the peer is told instead of its outcome.
	Settle(tag [16]byte, o Outcome, done func(*Error))
	// Close is called once, when the link has ended.
	Close()
}

// Delivery is one message for a peer.
type Delivery struct {
	Tag     [16]byte
	Settled bool // nobody waits for an outcome
	Payload []byte
}

// linkState is where a link is between two attaches and two detaches.
type linkState int

const (
	attaching linkState = iota // the peer asked, nobody answered yet
	attached
	detaching // this end has detached, the peer has not answered yet
	detached
)

// creditForPeer is what a peer may send before it gets another flow.
const creditForPeer = 1000

// Link is one link (part 2, section 2.6) as this end sees it. A sink or source
// is set, never both.
type Link struct {
	session *session
	name    string
	handle  uint32
	state   linkState
	sink    Sink
	source  Source

	count  uint32 // delivery-count
	credit uint32 // link-credit
	drain  bool

	incoming *assembly // of the message that arrives

	queued bool   // guarded by readyMu of the connection
	kicked *Error // likewise: to detach with
}

// Conn is the connection of the link.
func (l *Link) Conn() *Conn { return l.session.conn }

// Name is the name that the peer gave the link.
func (l *Link) Name() string { return l.name }

// Wake asks the writer to look at the link's source. It takes no lock that
// calls out, so that sources call it from anywhere.
func (l *Link) Wake() { l.session.conn.queue(l) }

// Detach ends the link from this end with an error, soon. Like Wake it may be
// called from anywhere.
func (l *Link) Detach(reason *Error) {
	c := l.session.conn
	c.readyMu.Lock()
	if l.kicked == nil {
		l.kicked = reason
	}
	c.readyMu.Unlock()
	c.queue(l)
}

// Session identifies the session of the link among those of all connections.
func (l *Link) Session() any { return l.session }

// flow takes the peer's credit; the caller holds mu. The peer's count plus its
// credit is how far it lets us go (part 2, section 2.6.7).
func (l *Link) flow(f encoding.Fields) {
	if l.source == nil || l.state != attached {
		return
	}
	l.credit = f.Uint32(5, 0) + f.Uint32(6, 0) - l.count
	if int32(l.credit) < 0 { // #nosec: serial number arithmetic
		l.credit = 0
	}
	l.drain = f.Bool(8)
	l.Wake()
}

// pump sends what source, credit, window and buffer allow; the caller holds mu.
func (l *Link) pump() {
	if l.takeKick() || l.state != attached || l.source == nil {
		return
	}
	if !l.open() {
		l.finishDrain(l.credit == 0)
		l.source.Skip()
		return
	}
	for l.open() {
		if len(l.session.conn.out) >= highWater {
			l.Wake() // after the others had their turn
			return
		}
		d, ok := l.source.Next()
		if !ok {
			l.finishDrain(true)
			return
		}
		l.session.deliver(l, d)
	}
	l.finishDrain(l.credit == 0)
}

// open says whether the peer takes another message.
func (l *Link) open() bool {
	s := l.session
	return l.credit > 0 && s.window > 0 && len(s.blocked) == 0 && !s.conn.closing
}

// finishDrain answers a drain when nothing more can be sent: the credit that is
// left is used up (part 2, section 2.6.7).
func (l *Link) finishDrain(finished bool) {
	if !l.drain || !finished {
		return
	}
	l.count += l.credit
	l.credit = 0
	l.session.sendFlow(l, true)
	l.drain = false
}

// takeKick detaches the link if Detach asked for it; the caller holds mu.
func (l *Link) takeKick() bool {
	c := l.session.conn
	c.readyMu.Lock()
	reason := l.kicked
	l.kicked = nil
	c.readyMu.Unlock()
	if reason == nil {
		return false
	}
	if l.state == attached {
		l.state = detaching
		c.send(l.session.channel, codeDetach, l.handle, true, reason.encoded())
		c.tasks.Go(l.closeEnds) // sinks and sources have locks of their own
	}
	return true
}

// handleDetach answers the peer's detach, unless it answers ours.
func (s *session) handleDetach(f encoding.Fields) error {
	handle := f.Uint32(0, 0)
	s.conn.mu.Lock()
	l := s.links[handle]
	if l == nil {
		s.conn.mu.Unlock()
		return fmt.Errorf("%w: detach of handle %d, which is not attached", errFrame, handle)
	}
	answer := l.state != detaching
	delete(s.links, handle)
	s.conn.mu.Unlock()
	l.close()
	if answer {
		s.conn.mu.Lock()
		s.conn.send(s.channel, codeDetach, handle, f.Bool(1))
		s.conn.mu.Unlock()
	}
	return nil
}

// close ends the link for good; the caller does not hold mu.
func (l *Link) close() {
	c := l.session.conn
	c.mu.Lock()
	was := l.state
	l.state = detached
	c.links--
	l.dropPartial()
	for id, d := range l.session.unsettled {
		if d.link == l {
			delete(l.session.unsettled, id)
		}
	}
	c.mu.Unlock()
	if was == attached {
		l.closeEnds()
	}
}

func (l *Link) closeEnds() {
	if l.sink != nil {
		l.sink.Close()
	}
	if l.source != nil {
		l.source.Close()
	}
}
