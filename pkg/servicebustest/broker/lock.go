package broker

import (
	"time"

	"github.com/provingground/provingground/pkg/servicebustest/encoding"
	"github.com/provingground/provingground/pkg/servicebustest/message"
)

// lock hands a message to one receiver for a while.
func (e *entity) lock(m *stored) {
	m.token = e.broker.options.Token()
	m.move(locked)
	e.locked[m.token] = m
	if m.session != nil {
		m.until = m.session.until
		m.session.locked[m] = true
		e.broker.timers.stop(&m.timer)
		return
	}
	m.until = e.broker.now + e.lockDuration().Milliseconds()
	e.broker.timers.set(&m.timer, m.until)
}

// unlock takes a message back from whoever had it. It is in no lane after it.
func (e *entity) unlock(m *stored) {
	delete(e.locked, m.token)
	if m.session != nil {
		delete(m.session.locked, m)
	}
	m.until = 0
}

// back returns a message that is not locked any more to its place by sequence
// number. A counted return may be the last one.
func (e *entity) back(m *stored, counted bool) {
	if counted && e.kind != DeadLetters { // where nothing is ever given up
		m.count++
		e.recordUpdate(m)
	}
	switch {
	case m.expires != 0 && m.expires <= e.broker.now:
		e.expire(m)
	case m.parked:
		m.move(deferred)
		m.watch()
	case e.kind != DeadLetters && int(m.count) >= e.settings.MaxDeliveryCount:
		e.deadLetter(m, "MaxDeliveryCountExceeded", "Message could not be consumed after the maximum number of delivery attempts.", nil)
	default:
		e.offer(m)
	}
}

// expire ends the life of a message.
func (e *entity) expire(m *stored) {
	e.emit(EventExpired, m, "")
	if e.settings.DeadLetterOnExpiration {
		e.deadLetter(m, "TTLExpiredException", "The message expired and was dead lettered.", nil)
		return
	}
	e.remove(m)
}

// delivery is the message as a receiver sees it.
func (m *stored) delivery(settled bool) Delivery {
	d := Delivery{Tag: m.token, Settled: settled, Message: m.Message, Sequence: m.sequence}
	d.Stamp.DeliveryCount = m.count
	d.Stamp.Annotations = m.annotations(!settled)
	if settled {
		d.Tag = m.entity.broker.options.Token() // names nothing, but a tag must be there
		return d
	}
	d.Stamp.Delivery = encoding.Map{{Key: encoding.Symbol(annotationLockToken), Value: LockToken(m.token)}}
	return d
}

func (m *stored) annotations(withLock bool) encoding.Map {
	a := make(encoding.Map, 0, 6)
	add := func(key encoding.Symbol, v any) { a = append(a, encoding.Entry{Key: key, Value: v}) }
	add(annotationSequence, m.sequence)
	add(annotationEnqueued, millis(m.enqueued))
	if m.first != 0 {
		add(annotationFirst, m.first)
	}
	if m.source != "" {
		add(annotationSource, m.source)
	}
	if withLock && m.until > 0 && m.place == locked {
		add(annotationLockedUntil, millis(m.until))
	}
	switch { // absent for active messages: a client compares the whole map
	case m.parked:
		add(annotationMessageState, int32(1))
	case m.place == scheduled:
		add(annotationMessageState, int32(2))
	}
	return a
}

// RenewLock prolongs the lock of a message and returns its new end.
func (b *Broker) RenewLock(path string, tag encoding.UUID) (time.Time, error) {
	e, err := b.find(path)
	if err != nil {
		return time.Time{}, err
	}
	m := e.locked[tag]
	if m == nil || m.session != nil {
		return time.Time{}, lockLost()
	}
	m.until = b.now + e.lockDuration().Milliseconds()
	b.timers.set(&m.timer, m.until)
	return millis(m.until), nil
}

// Encode returns the message as it goes over the wire.
func (d Delivery) Encode() []byte {
	return d.Message.Append(make([]byte, 0, d.Message.Size()+192), d.Stamp)
}

// merge returns the message with further application properties.
func merge(m message.Message, more encoding.Map) message.Message {
	if len(more) == 0 {
		return m
	}
	p := m.Parts()
	for _, e := range more {
		p.Application = p.Application.Set(encoding.Text(e.Key), e.Value)
	}
	return m.With(p)
}
