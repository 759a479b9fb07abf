package amqp

import "github.com/provingground/provingground/pkg/servicebustest/encoding"

// transferOverhead is more than the frame header and the performative of a
// transfer take.
const transferOverhead = 128

// deliver sends a message, in as many frames as it needs; the caller holds mu.
func (s *session) deliver(l *Link, d Delivery) {
	id := s.deliveries
	s.deliveries++
	l.count++
	l.credit--
	if !d.Settled {
		s.unsettled[id] = delivery{l, d.Tag}
	}
	size := int(s.conn.maxFrame) - transferOverhead
	for first := true; first || len(d.Payload) > 0; first = false {
		n := min(size, len(d.Payload))
		t := transferFrame{link: l, first: first, id: id, tag: d.Tag, done: d.Settled, bytes: d.Payload[:n], last: n == len(d.Payload)}
		d.Payload = d.Payload[n:]
		if s.window == 0 || len(s.blocked) > 0 {
			s.blocked = append(s.blocked, t)
			continue
		}
		s.sendTransfer(t)
	}
}

// sendTransfer sends one frame; continuations carry no delivery id (part 2,
// section 2.7.5).
func (s *session) sendTransfer(t transferFrame) {
	s.window--
	s.nextOutgoing++
	c := s.conn
	if c.closing || t.link.state != attached {
		return
	}
	c.out = appendFrame(c.out, frameAMQP, s.channel, func(b []byte) []byte {
		return append(t.appendPerformative(b), t.bytes...)
	})
	c.signal()
}

func (t transferFrame) appendPerformative(b []byte) []byte {
	b = append(b, 0, 0x53, codeTransfer)
	b, start := encoding.Open(b, 0xd0)
	b = encoding.AppendUint(b, t.link.handle)
	if t.first {
		b = encoding.AppendUint(b, t.id)
		b = append(append(b, 0xa0, byte(len(t.tag))), t.tag[:]...)
		b = append(b, 0x43) // message-format 0
	} else {
		b = append(b, 0x40, 0x40, 0x40)
	}
	b = encoding.Append(encoding.Append(b, t.done), !t.last)
	return encoding.Close(b, start, 6)
}
