package broker

import (
	"strings"
	"time"
)

// Description is what is known about an entity.
type Description struct {
	Kind     Kind
	Path     string // with the case in which it was made
	Name     string // the last part of the path
	Settings Settings
	Created  time.Time
	Updated  time.Time
	Accessed time.Time // the zero time: never
	Counts   Counts
	// Subscriptions is the number of subscriptions of a topic.
	Subscriptions int
}

// Counts are the messages of an entity.
type Counts struct {
	Active             int   // ready or locked
	Deferred           int   //
	Scheduled          int   //
	DeadLetter         int   // in the dead-letter queue
	TransferDeadLetter int   // in the transfer dead-letter queue
	Size               int64 // bytes of all, without those of dead-letter queues
}

// Total is the number of messages with those in the dead-letter queues.
func (c Counts) Total() int {
	return c.Active + c.Deferred + c.Scheduled + c.DeadLetter + c.TransferDeadLetter
}

// Describe returns what is known about an entity.
func (b *Broker) Describe(path string) (Description, error) {
	e, err := b.find(path)
	if err != nil {
		return Description{}, err
	}
	return e.describe(), nil
}

func (e *entity) describe() Description {
	return Description{
		Kind: e.kind, Path: e.name, Name: e.name[strings.LastIndexByte(e.name, '/')+1:], Settings: e.settings,
		Created: millis(e.created), Updated: millis(e.updated), Accessed: e.lastUse(),
		Counts: e.count(), Subscriptions: len(e.children),
	}
}

func (e *entity) lastUse() time.Time {
	if e.accessed == 0 {
		return time.Time{}
	}
	return millis(e.accessed)
}

func (e *entity) count() Counts {
	c := Counts{
		Active: e.counts[ready] + e.counts[locked], Deferred: e.counts[deferred], Scheduled: e.counts[scheduled],
		Size: e.size,
	}
	if e.dead != nil {
		c.DeadLetter, c.TransferDeadLetter = e.dead.index.live, e.transfer.index.live
	}
	return c
}

// Queues returns all queues by name.
func (b *Broker) Queues() []Description { return describeAll(b.list(Queue, nil)) }

// Topics returns all topics by name.
func (b *Broker) Topics() []Description { return describeAll(b.list(Topic, nil)) }

// Subscriptions returns all subscriptions of a topic by name.
func (b *Broker) Subscriptions(topic string) ([]Description, error) {
	t, err := b.topic(topic)
	if err != nil {
		return nil, err
	}
	return describeAll(b.list(Subscription, t)), nil
}

func describeAll(entities []*entity) []Description {
	all := make([]Description, len(entities))
	for i, e := range entities {
		all[i] = e.describe()
	}
	return all
}
