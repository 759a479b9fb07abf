package broker

import (
	"math"
	"time"

	"github.com/provingground/provingground/pkg/servicebustest/encoding"
	"github.com/provingground/provingground/pkg/servicebustest/message"
)

// place is where a message is in its entity.
type place uint8

const (
	gone place = iota
	ready
	scheduled
	deferred
	locked
)

// stored is a message in an entity. It is in exactly one place.
type stored struct {
	message.Message
	entity   *entity
	session  *session // of entities with sessions
	timer    timer    // the end of its lock, its life, or its sleep
	source   string   // the entity that dead-lettered it
	token    encoding.UUID
	sequence int64
	first    int64 // the sequence number that it had first, if it has moved
	enqueued int64
	expires  int64 // 0: never
	until    int64 // of its lock, or when it is scheduled
	count    uint32
	place    place
	parked   bool // deferred, also while it is locked
}

// move changes the place of a message and keeps the counts.
func (m *stored) move(to place) {
	if m.place != gone {
		m.entity.counts[m.place]--
	}
	if to != gone {
		m.entity.counts[to]++
	}
	m.place = to
}

// fire is the end of a lock, a sleep, or a life.
func (m *stored) fire() {
	switch m.place {
	case locked:
		m.entity.unlock(m)
		m.entity.emit(EventLockLost, m, "")
		m.entity.back(m, true)
	case scheduled:
		m.entity.activate(m)
	case ready, deferred:
		m.entity.expire(m)
	case gone:
	}
}

// watch sets the timer to what happens next to a message that is not locked.
func (m *stored) watch() {
	t := &m.entity.broker.timers
	if m.expires == 0 {
		t.stop(&m.timer)
		return
	}
	t.set(&m.timer, m.expires)
}

// longestTTL is what fits into the header of a message: 49 days. Clients say
// more by the absolute expiry time beside the time of creation.
const longestTTL = math.MaxUint32 * time.Millisecond

// life returns when a message expires that is enqueued now: after its TTL, which
// the default of the entity bounds.
func (e *entity) life(m message.Message) (message.Message, int64) {
	if e.kind == DeadLetters {
		return m, 0
	}
	ttl := m.TTL
	if m.HasTTL && ttl >= longestTTL {
		ttl = max(ttl, absoluteTTL(m))
	}
	if limit := e.settings.DefaultTTL; limit > 0 && (!m.HasTTL || ttl > limit) {
		ttl = limit
		m = m.Expiring(limit)
	}
	if !m.HasTTL {
		return m, 0
	}
	return m, e.broker.now + ttl.Milliseconds()
}

func absoluteTTL(m message.Message) time.Duration {
	p := m.Properties()
	expiry, ok := p.At(message.PropertyAbsoluteExpiry).(time.Time)
	creation, alsoOK := p.At(message.PropertyCreation).(time.Time)
	if !ok || !alsoOK {
		return 0
	}
	return expiry.Sub(creation)
}
