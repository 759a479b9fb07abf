package broker

import (
	"errors"

	"github.com/provingground/provingground/pkg/servicebustest/message"
)

// maxHops is how often a message is forwarded before it counts as going round
// in circles.
const maxHops = 4

// Send takes messages into a queue or publishes them to a topic: all or none.
// It returns the sequence number of each, 0 for one that was dropped as a
// duplicate or went on elsewhere. A message that carries a scheduled enqueue
// time in the future waits until then.
func (b *Broker) Send(path string, messages ...message.Message) ([]int64, error) {
	e, err := b.target(path)
	if err != nil {
		return nil, err
	}
	all := make([]incoming, len(messages))
	size := int64(0)
	for i, m := range messages {
		all[i] = b.admit(m)
		size += int64(m.Size())
		if e.kind == Queue && e.settings.RequiresSession && !all[i].hasID {
			return nil, errorf(NotAllowed, "The SessionId was not set on a message, and it cannot be sent to the entity. Entities that have session support enabled can only receive messages that have the SessionId set to a valid value.")
		}
	}
	if e.size+size > e.settings.MaxSize {
		return nil, errorf(ResourceLimit, "The entity '%s' is full: it holds at most %d bytes.", e.name, e.settings.MaxSize)
	}
	sequences := make([]int64, len(all))
	for i, in := range all {
		sequences[i] = e.publish(in)
	}
	e.accessed = b.now
	return sequences, nil
}

// CanSend says why nobody can send to an entity, or nil.
func (b *Broker) CanSend(path string) error {
	_, err := b.target(path)
	return err
}

// target finds an entity that takes messages now.
func (b *Broker) target(path string) (*entity, error) {
	e, err := b.find(path)
	switch {
	case err != nil:
		return nil, err
	case e.kind != Queue && e.kind != Topic:
		return nil, errorf(NotAllowed, "Messages cannot be sent to '%s': it is no queue and no topic.", path)
	case !e.settings.sends():
		return nil, errorf(EntityDisabled, "The messaging entity '%s' is disabled for sending.", e.name)
	}
	return e, nil
}

// publish takes one message into a queue, topic or subscription, and returns
// its sequence number there.
func (e *entity) publish(in incoming) int64 {
	if e.seen != nil && e.duplicate(in) {
		return 0
	}
	if in.scheduled > 0 {
		return e.schedule(in)
	}
	switch {
	case e.kind == Topic:
		return e.fanOut(in)
	case e.settings.ForwardTo != "" && e.kind != DeadLetters:
		e.sequence++
		e.recordSequence()
		e.forward(in, e.sequence)
		return e.sequence
	}
	m := e.newStored(in)
	e.add(m, ready)
	e.emit(EventSent, m, "")
	return m.sequence
}

// newStored makes a message of this entity, with the next sequence number.
func (e *entity) newStored(in incoming) *stored {
	e.sequence++
	m := &stored{
		entity: e, sequence: e.sequence, first: in.first, count: in.count,
		enqueued: e.broker.now,
	}
	m.timer.owner = m
	m.Message, m.expires = e.life(in.Message)
	if e.hasSessions() {
		m.session = e.sessionOf(in.session)
	}
	return m
}

// add puts a new message into the entity.
func (e *entity) add(m *stored, to place) {
	e.index.add(m)
	e.size += int64(m.Size())
	if m.session != nil {
		m.session.messages++
	}
	m.move(to)
	e.recordPut(m)
	if to == ready {
		e.offer(m)
	}
}

// offer makes a message available to receivers.
func (e *entity) offer(m *stored) {
	m.move(ready)
	m.watch()
	if m.session == nil {
		e.open.push(m)
		e.wakeOne()
		return
	}
	m.session.lane.push(m)
	e.offerSession(m.session)
}

// remove takes a message out of the entity for good.
func (e *entity) remove(m *stored) {
	e.broker.timers.stop(&m.timer)
	e.index.remove(m.sequence)
	e.size -= int64(m.Size())
	m.move(gone)
	e.recordRemove(m)
	if m.session != nil {
		m.session.messages--
		m.session.forget()
	}
	m.Message = message.Message{} // a lane may still hold it for a while
}

// forward sends a message on to the entity that this one names. What cannot
// arrive waits in the transfer dead-letter queue.
func (e *entity) forward(in incoming, sequence int64) {
	e.pass(in, sequence, e.settings.ForwardTo)
}

func (e *entity) pass(in incoming, sequence int64, to string) {
	if in.first == 0 {
		in.first = sequence
	}
	in.hops++
	if in.hops > maxHops {
		e.strand(in, "MaxTransferHopCountExceeded", "The message was forwarded too often.")
		return
	}
	target, err := e.broker.target(to)
	if err == nil && target.kind == Queue && target.settings.RequiresSession && !in.hasID {
		err = errors.New("the target requires sessions and the message has none")
	}
	if err != nil {
		e.strand(in, "TransferFailed", "The message could not be forwarded to '"+to+"': "+err.Error())
		return
	}
	target.publish(in)
}

// strand puts a message that could not be forwarded where somebody finds it.
func (e *entity) strand(in incoming, reason, description string) {
	e.transfer.bury(in, e.name, reason, description, nil)
}

// forwardAll forwards what waits, when forwarding has just been switched on.
func (e *entity) forwardAll() {
	for _, m := range e.index.all() {
		if m.place == ready {
			in := m.outgoing()
			e.remove(m)
			e.forward(in, m.sequence)
		}
	}
}

// outgoing is the message on its way to another entity.
func (m *stored) outgoing() incoming {
	in := m.entity.broker.admit(m.Message)
	in.scheduled = 0
	in.first = m.first
	if in.first == 0 {
		in.first = m.sequence
	}
	return in
}
