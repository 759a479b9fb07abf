package broker

import (
	"github.com/provingground/provingground/pkg/servicebustest/encoding"
)

// Application properties of dead letters.
const (
	propertyReason      = "DeadLetterReason"
	propertyDescription = "DeadLetterErrorDescription"
)

// deadLetter moves a message to the dead-letter queue of its entity, or to where
// that forwards. In a dead-letter queue it stays.
func (e *entity) deadLetter(m *stored, reason, description string, more encoding.Map) {
	if e.kind == DeadLetters || e.dead == nil {
		e.back(m, false)
		return
	}
	e.emit(EventDeadLettered, m, reason)
	in := m.outgoing()
	in.count = m.count
	e.remove(m)
	if to := e.settings.ForwardDeadLettersTo; to != "" {
		in.Message = merge(in.Message, deathNote(reason, description, more))
		in.count = 0
		e.pass(in, m.sequence, to)
		return
	}
	e.dead.bury(in, e.name, reason, description, more)
}

// bury takes a message into a dead-letter queue.
func (e *entity) bury(in incoming, source, reason, description string, more encoding.Map) {
	in.Message = merge(in.Message, deathNote(reason, description, more))
	m := e.newStored(in)
	m.source = source
	e.add(m, ready)
}

func deathNote(reason, description string, more encoding.Map) encoding.Map {
	note := append(encoding.Map(nil), more...)
	if reason != "" {
		note = note.Set(propertyReason, reason)
	}
	if description != "" {
		note = note.Set(propertyDescription, description)
	}
	return note
}
