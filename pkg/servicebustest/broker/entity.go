package broker

import (
	"time"

	"github.com/provingground/provingground/pkg/servicebustest/encoding"
)

// Kind is the kind of an entity.
type Kind int

// Kinds of entities. A topic holds its scheduled messages only.
const (
	Queue Kind = iota + 1
	Topic
	Subscription
	DeadLetters
)

// entity is anything that has a path: it holds messages in the order of their
// sequence numbers.
type entity struct {
	broker    *Broker
	kind      Kind
	name, key string
	settings  Settings

	created, updated, accessed int64

	parent         *entity // the topic of a subscription, the owner of a dead-letter queue
	dead, transfer *entity
	children       []*entity // subscriptions, oldest first
	rules          []*rule   // of a subscription, oldest first

	sequence int64 // the last number given
	index    index // every message
	size     int64 // bytes
	counts   [locked + 1]int
	locked   map[encoding.UUID]*stored
	seen     *seen // nil without duplicate detection

	open     lane // without sessions
	sessions map[string]*session
	free     []*session // that have messages and no holder, oldest first, some of them no more

	receivers map[*Receiver]bool
	waiting   []*Receiver // for a message, first come first served
	accepting []*Receiver // for a session, likewise
}

func (b *Broker) newEntity(kind Kind, path string, s Settings) *entity {
	e := &entity{
		broker: b, kind: kind, name: path, key: key(path), settings: s.withDefaults(),
		created: b.now, updated: b.now,
		locked: map[encoding.UUID]*stored{}, sessions: map[string]*session{}, receivers: map[*Receiver]bool{},
	}
	if kind == Subscription {
		e.accessed = b.now // a queue was never used, a subscription was: so says the service
	}
	if kind == Queue || kind == Subscription {
		e.dead = b.newEntity(DeadLetters, path+"/$DeadLetterQueue", Settings{LockDuration: s.LockDuration})
		e.transfer = b.newEntity(DeadLetters, path+"/$Transfer/$DeadLetterQueue", Settings{LockDuration: s.LockDuration})
		e.dead.parent, e.transfer.parent = e, e
	}
	e.detectDuplicates()
	return e
}

func (e *entity) detectDuplicates() {
	switch {
	case e.settings.DuplicateWindow <= 0:
		e.seen = nil
	case e.seen == nil:
		e.seen = newSeen(e)
	}
}

// hasSessions says whether messages are received by session; dead-letter queues
// never are.
func (e *entity) hasSessions() bool { return e.settings.RequiresSession && e.kind != DeadLetters }

func (e *entity) lockDuration() time.Duration { return e.settings.LockDuration }

// receivable says whether somebody may receive now. Dead-letter queues follow
// the status of their owner.
func (e *entity) receivable() bool {
	if e.kind == DeadLetters {
		return e.parent.settings.receives()
	}
	return e.settings.receives()
}

// insides are the dead-letter queues of an entity and of its subscriptions, the
// subscriptions, and itself.
func (e *entity) insides() []*entity {
	all := []*entity{e}
	if e.dead != nil {
		all = append(all, e.dead, e.transfer)
	}
	for _, child := range e.children {
		all = append(all, child.insides()...)
	}
	return all
}
