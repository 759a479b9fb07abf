package broker

import (
	"github.com/provingground/provingground/pkg/servicebustest/encoding"
)

// Verdict is what a receiver does with a message that it has locked.
type Verdict int

// Verdicts.
const (
	Complete       Verdict = iota + 1 // it is done and goes
	Abandon                           // back, counted
	Release                           // back, not counted
	Defer                             // aside, until somebody asks for its sequence number
	MoveDeadLetter                    // to the dead-letter queue
)

// Settlement is a verdict with what belongs to it.
type Settlement struct {
	Verdict     Verdict
	Properties  encoding.Map // merged into the application properties
	Reason      string       // of a dead letter
	Description string       // of a dead letter
}

// Settle ends the lock that the tag names.
func (b *Broker) Settle(path string, tag encoding.UUID, s Settlement) error {
	e, err := b.find(path)
	if err != nil {
		return err
	}
	return e.settle(tag, s)
}

// Settle ends the lock of a message that the receiver has taken.
func (r *Receiver) Settle(tag encoding.UUID, s Settlement) error {
	return r.entity.settle(tag, s)
}

func (e *entity) settle(tag encoding.UUID, s Settlement) error {
	m := e.locked[tag]
	if m == nil {
		return lockLost()
	}
	e.unlock(m)
	if s.Verdict != Complete && s.Verdict != MoveDeadLetter && len(s.Properties) > 0 {
		e.size -= int64(m.Size())
		m.Message = merge(m.Message, s.Properties)
		e.size += int64(m.Size())
		e.recordPut(m)
	}
	switch s.Verdict {
	case Complete:
		e.emit(EventCompleted, m, "")
		e.remove(m)
	case Abandon:
		e.emit(EventAbandoned, m, "")
		e.back(m, true)
	case Release:
		e.emit(EventReleased, m, "")
		e.back(m, false)
	case Defer:
		e.emit(EventDeferred, m, "")
		m.parked = true
		m.count++
		m.move(deferred)
		m.watch()
		e.recordUpdate(m)
	case MoveDeadLetter:
		e.deadLetter(m, s.Reason, s.Description, s.Properties)
	}
	return nil
}

// ReceiveDeferred takes deferred messages by their sequence numbers: all or, if
// one is not there, none. In an entity with sessions the session must be held.
func (b *Broker) ReceiveDeferred(path string, sequences []int64, session string, forGood bool) ([]Delivery, error) {
	e, err := b.find(path)
	if err != nil {
		return nil, err
	}
	taken := map[int64]bool{}
	for _, n := range sequences {
		m := e.index.get(n)
		if m == nil || m.place != deferred || taken[n] || m.session != nil && m.session.id != session {
			return nil, errorf(MessageNotFound, "Failed to lock one or more specified messages. The message does not exist.")
		}
		if m.session != nil && m.session.holder == nil {
			return nil, sessionLost()
		}
		taken[n] = true
	}
	all := make([]Delivery, len(sequences))
	for i, n := range sequences {
		all[i] = e.hand(e.index.get(n), forGood)
	}
	return all, nil
}

// Peek returns up to n messages from a sequence number on, in whatever place
// they are, without touching them: of one session if session is not nil.
func (b *Broker) Peek(path string, from int64, n int, session *string) ([]Delivery, error) {
	e, err := b.find(path)
	if err != nil {
		return nil, err
	}
	var all []Delivery
	for _, m := range e.index.from(from) {
		if len(all) >= n {
			break
		}
		if session != nil && (m.session == nil || m.session.id != *session) {
			continue
		}
		d := m.delivery(true)
		d.Tag = encoding.UUID{}
		all = append(all, d)
	}
	return all, nil
}
