package broker

import (
	"container/heap"
	"strconv"
	"strings"
	"time"
)

// ackID names a delivery: subscription, message, lease.
func ackID(uid, seq, nonce uint64) string {
	id := make([]byte, 0, 40)
	id = strconv.AppendUint(id, uid, 36)
	id = strconv.AppendUint(append(id, '-'), seq, 36)
	return string(strconv.AppendUint(append(id, '-'), nonce, 36))
}

func parseAckID(id string) (uid, seq, nonce uint64, ok bool) {
	u, rest, ok1 := strings.Cut(id, "-")
	s, n, ok2 := strings.Cut(rest, "-")
	if !ok1 || !ok2 {
		return 0, 0, 0, false
	}
	uid, err1 := strconv.ParseUint(u, 36, 64)
	seq, err2 := strconv.ParseUint(s, 36, 64)
	nonce, err3 := strconv.ParseUint(n, 36, 64)
	return uid, seq, nonce, err1 == nil && err2 == nil && err3 == nil
}

// Acknowledge ends deliveries for good. Of an exactly-once subscription it
// returns the ids that are not of a current lease, and acknowledges the others;
// an id that was acknowledged shortly before is acknowledged. Otherwise an id
// whose lease expired still counts, unless the message has an ordering key:
// then it will come again. An id that is none is an InvalidArgument.
func (b *Broker) Acknowledge(now time.Time, s *Subscription, ids []string) (refused []string, err error) {
	b.Advance(now)
	if err := checkAckIDs(ids); err != nil {
		return nil, err
	}
	s.used = b.now
	for _, id := range ids {
		uid, seq, nonce, _ := parseAckID(id)
		if uid != s.uid || !s.acknowledge(b, seq, nonce) {
			refused = append(refused, id)
		}
	}
	b.schedule(s)
	if !s.config.EnableExactlyOnceDelivery {
		refused = nil
	}
	return refused, nil
}

func (s *Subscription) acknowledge(b *Broker, seq, nonce uint64) bool {
	l := s.leases[seq]
	exactlyOnce := s.config.EnableExactlyOnceDelivery
	switch {
	case l != nil && l.nonce == nonce:
		s.acknowledgeLease(b, l)
		if exactlyOnce {
			s.recent.add(seq, nonce)
		}
		return true
	case exactlyOnce:
		return s.recent.has(seq, nonce)
	case s.log == nil || s.log.at(seq) == nil || s.acked.has(seq) || s.inOrder(seq):
		return false
	}
	if l != nil { // delivered again meanwhile; done all the same
		s.acknowledgeLease(b, l)
		return true
	}
	s.commit(b, seq)
	return true
}

func (s *Subscription) inOrder(seq uint64) bool {
	return s.config.EnableMessageOrdering && s.log.at(seq).message.OrderingKey != ""
}

func (s *Subscription) acknowledgeLease(b *Broker, l *lease) {
	s.end(l)
	b.wake(s) // its consumer has room
	if l.key == nil {
		s.commit(b, l.seq)
		return
	}
	for _, seq := range l.key.done(l, s.config.EnableExactlyOnceDelivery) {
		s.commit(b, seq)
	}
	s.enlist(b, l.key)
}

// end takes a lease from its heap and its consumer.
func (s *Subscription) end(l *lease) {
	delete(s.leases, l.seq)
	heap.Remove(&s.expiry, l.index)
	l.consumer.give(l)
}

// commit makes an acknowledgement durable.
func (s *Subscription) commit(b *Broker, seq uint64) {
	b.emitAck(s, seq)
	s.settle(b, seq)
}

// settle is commit without its event.
func (s *Subscription) settle(b *Broker, seq uint64) {
	if s.acked.has(seq) {
		return
	}
	s.acked.add(seq)
	delete(s.attempts, seq)
	if e := s.log.at(seq); e != nil {
		s.backlog--
		s.bytes -= int64(e.size)
	}
	if !s.config.RetainAckedMessages {
		s.drop(b, seq)
	}
}

// drop gives the hold on a message back.
func (s *Subscription) drop(b *Broker, seq uint64) {
	if s.released.has(seq) {
		return
	}
	s.released.add(seq)
	s.log.release(b, seq)
}

// ModifyAckDeadline moves the end of leases to now + d; 0 gives the messages
// back. Of an exactly-once subscription it returns the ids that are not of a
// current lease; otherwise they are ignored.
func (b *Broker) ModifyAckDeadline(now time.Time, s *Subscription, ids []string, d time.Duration) (refused []string, err error) {
	b.Advance(now)
	if d < 0 || d > 600*time.Second {
		return nil, invalid("Invalid ack deadline %v: must be from 0 to 600 seconds.", d)
	}
	if err := checkAckIDs(ids); err != nil {
		return nil, err
	}
	s.used = b.now
	for _, id := range ids {
		uid, seq, nonce, _ := parseAckID(id)
		l := s.leases[seq]
		switch {
		case uid != s.uid || l == nil || l.nonce != nonce:
			refused = append(refused, id)
		case d == 0:
			s.giveBack(b, l)
		default:
			s.extend(b, l, b.now.Add(d))
		}
	}
	b.schedule(s)
	if !s.config.EnableExactlyOnceDelivery {
		refused = nil
	}
	return refused, nil
}

func (s *Subscription) extend(b *Broker, l *lease, deadline time.Time) {
	l.deadline = deadline
	heap.Fix(&s.expiry, l.index)
	if s.config.EnableExactlyOnceDelivery {
		b.emit(leasedEvent(s, l))
	}
}

// recentAcks remembers acknowledged leases for a while, so that a client that
// lost the answer and asks again is told the same.
type recentAcks struct {
	nonces map[uint64]uint64 // by sequence
	order  []uint64
}

const rememberedAcks = 4096

func (r *recentAcks) add(seq, nonce uint64) {
	if r.nonces == nil {
		r.nonces = map[uint64]uint64{}
	}
	r.nonces[seq] = nonce
	r.order = append(r.order, seq)
	if len(r.order) > rememberedAcks {
		delete(r.nonces, r.order[0])
		r.order = r.order[1:]
	}
}

func (r *recentAcks) has(seq, nonce uint64) bool {
	n, ok := r.nonces[seq]
	return ok && n == nonce
}
