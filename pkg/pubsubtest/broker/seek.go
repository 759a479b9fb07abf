package broker

import (
	"time"
)

// SeekToTime marks what was published before t as acknowledged and what was
// published since, and is still held by anybody, as not.
func (b *Broker) SeekToTime(now time.Time, s *Subscription, t time.Time) error {
	b.Advance(now)
	if s.log == nil {
		return precondition("The subscription %s is detached.", s.config.Name)
	}
	from := s.log.since(t)
	s.rewind(b, func(seq uint64) bool { return seq < from })
	b.emit(soughtEvent(s))
	return nil
}

// SeekToSnapshot makes the backlog what it was when the snapshot was made, plus
// what was published since. The snapshot must be of the same topic.
func (b *Broker) SeekToSnapshot(now time.Time, s *Subscription, name string) error {
	b.Advance(now)
	p, err := b.Snapshot(name)
	if err != nil {
		return err
	}
	if s.log == nil || p.log != s.log {
		return invalid("The snapshot %s is not of the subscription's topic.", name)
	}
	s.rewind(b, p.acked.has)
	b.emit(soughtEvent(s))
	return nil
}

// rewind replaces what is acknowledged. All deliveries end.
func (s *Subscription) rewind(b *Broker, done func(seq uint64) bool) {
	for _, l := range s.expiry {
		l.consumer.give(l)
	}
	l := s.log
	acked := fullBelow(l.base)
	for seq, end := l.base, l.end(); seq < end; seq++ {
		e := l.at(seq)
		if e == nil || done(seq) || !s.filter.Matches(e.message.Attributes) {
			acked.add(seq)
		}
	}
	s.hold(b, &acked)
	s.reset(acked, s.released)
	b.schedule(s)
	b.wake(s)
}

// hold makes the holds fit what will be acknowledged.
func (s *Subscription) hold(b *Broker, acked *seqset) {
	s.released.lower(s.log.base)
	for seq, end := s.log.base, s.log.end(); seq < end; seq++ {
		switch held := !s.released.has(seq); {
		case !acked.has(seq) && !held:
			s.released.remove(seq)
			s.log.hold(seq)
		case acked.has(seq) && held && !s.config.RetainAckedMessages:
			s.drop(b, seq)
		}
	}
}
