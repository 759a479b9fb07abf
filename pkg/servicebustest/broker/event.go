package broker

import (
	"fmt"
	"time"

	"github.com/provingground/provingground/pkg/servicebustest/message"
)

// EventKind says what happened to a message.
type EventKind string

// Kinds of events.
const (
	EventSent         EventKind = "sent"          // it can be received
	EventScheduled    EventKind = "scheduled"     // it waits for its time
	EventCancelled    EventKind = "cancelled"     // it was scheduled and is gone
	EventDuplicate    EventKind = "duplicate"     // it was dropped on arrival
	EventReceived     EventKind = "received"      // a receiver has it
	EventCompleted    EventKind = "completed"     // it is done
	EventAbandoned    EventKind = "abandoned"     // it goes back, counted
	EventReleased     EventKind = "released"      // it goes back, not counted
	EventDeferred     EventKind = "deferred"      // it is put aside
	EventLockLost     EventKind = "lock lost"     // nobody settled it in time
	EventExpired      EventKind = "expired"       // its time to live is over
	EventDeadLettered EventKind = "dead-lettered" // it goes to the dead-letter queue
)

// Event is something that happened to a message.
type Event struct {
	Kind          EventKind
	Time          time.Time
	Entity        string
	MessageID     string
	Sequence      int64
	DeliveryCount int    // earlier deliveries that failed
	Reason        string // of a dead letter
}

// String returns the event in one line.
func (e Event) String() string {
	return fmt.Sprintf("%s %s %s #%d %s", e.Kind, e.Entity, e.MessageID, e.Sequence, e.Reason)
}

func (e *entity) emit(kind EventKind, m *stored, reason string) {
	b := e.broker
	if !b.options.Events {
		return
	}
	b.effects.Events = append(b.effects.Events, Event{
		Kind: kind, Time: millis(b.now), Entity: e.name, MessageID: messageID(m.Message),
		Sequence: m.sequence, DeliveryCount: int(m.count), Reason: reason,
	})
}

func messageID(m message.Message) string {
	if id := m.Properties().At(message.PropertyMessageID); id != nil {
		return fmt.Sprint(id)
	}
	return ""
}
