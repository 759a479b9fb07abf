// Package broker is Service Bus without a network: queues, topics,
// subscriptions, locks, sessions, timers, as one plain state machine.
//
// A Broker has no goroutine, no lock, no clock and no file. The caller says what
// time it is (Advance), calls one method after the other, and takes what
// followed from them (Effects): receivers that have something to do, receivers
// that were closed, events for people, and the record that a journal must hold
// before anybody is told. Next says when time itself makes something happen.
//
// Every error is an *Error whose condition is the one that the service uses.
package broker

import (
	"strings"
	"time"

	"github.com/provingground/provingground/pkg/servicebustest/encoding"
)

// Options configure a Broker.
type Options struct {
	// Token makes lock tokens and the ids of messages that come without one. It
	// must not repeat itself.
	Token func() encoding.UUID
	// Record makes Effects carry records for Restore.
	Record bool
	// Events makes Effects carry events.
	Events bool
}

// Broker holds every entity of one namespace.
type Broker struct {
	options  Options
	now      int64 // Unix milliseconds
	entities map[string]*entity
	timers   timers
	effects  Effects
	record   recorder
}

// New returns an empty broker whose time is the zero time: call Advance first.
func New(o Options) *Broker {
	return &Broker{options: o, entities: map[string]*entity{}, record: recorder{on: o.Record}}
}

// Effects are what followed from the calls since the last Effects.
type Effects struct {
	// Ready are receivers for which Take may now succeed.
	Ready []*Receiver
	// Opened are receivers that have got the session that they waited for.
	Opened []*Receiver
	// Closed are receivers that the broker has ended, and why.
	Closed []Closed
	// Events tell what happened to messages, in order.
	Events []Event
	// Record holds every change of state, for Restore; empty if there was none.
	Record []byte
}

// Closed is a receiver that the broker has ended.
type Closed struct {
	Receiver *Receiver
	Err      *Error
}

// Effects returns what followed from the calls since the last Effects. The
// record is valid until the next call of any method.
func (b *Broker) Effects() Effects {
	e := b.effects
	e.Record = b.record.take()
	b.effects = Effects{}
	return e
}

// Advance sets the clock and lets everything happen that was due: locks and
// messages expire, scheduled messages appear, waits end. Time does not go back.
func (b *Broker) Advance(now time.Time) {
	to := now.UnixMilli()
	for {
		t := b.timers.due(to)
		if t == nil {
			break
		}
		b.now = max(b.now, t.at) // things happen at their own time, in order
		t.owner.fire()
	}
	b.now = max(b.now, to)
}

// Next returns when Advance has something to do, if ever.
func (b *Broker) Next() (time.Time, bool) {
	if len(b.timers) == 0 {
		return time.Time{}, false
	}
	return millis(b.timers[0].at), true
}

func millis(ms int64) time.Time { return time.UnixMilli(ms).UTC() }

// Names of the queues inside a queue.
const (
	deadLetterSuffix = "/$deadletterqueue"
	transferSuffix   = "/$transfer/$deadletterqueue"
	subscriptions    = "/subscriptions/"
)

// key is how entities are looked up: names ignore case.
func key(path string) string { return strings.ToLower(strings.Trim(path, "/")) }

// SubscriptionPath is the path of a subscription of a topic.
func SubscriptionPath(topic, name string) string { return topic + "/Subscriptions/" + name }

// find returns an entity or a not-found error.
func (b *Broker) find(path string) (*entity, error) {
	if e := b.entities[key(path)]; e != nil {
		return e, nil
	}
	return nil, errorf(NotFound, "The messaging entity '%s' could not be found.", path)
}

// Has says whether there is an entity with the path.
func (b *Broker) Has(path string) bool { return b.entities[key(path)] != nil }
