package broker

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/provingground/provingground/pkg/servicebustest/encoding"
	"github.com/provingground/provingground/pkg/servicebustest/message"
)

// ErrRecord is what Restore wraps when a record is not what this package writes.
var ErrRecord = errors.New("broker: not a record")

// Restore applies a record of Effects or Snapshot to a broker that nobody has
// used yet. Call it for every record in order, and then Recover.
func (b *Broker) Restore(record []byte) error {
	on := b.record.on
	b.record.on = false
	defer func() { b.record.on = on }()
	for len(record) > 0 {
		v, rest, err := encoding.Decode(record)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrRecord, err)
		}
		l, _ := v.(encoding.List)
		if err := b.apply(reading{fields: encoding.Fields(l)}); err != nil {
			return err
		}
		record = rest
	}
	return nil
}

// reading takes the fields of a change one after the other.
type reading struct {
	fields encoding.Fields
	at     int
}

func (r *reading) next() any {
	r.at++
	return r.fields.At(r.at - 1)
}

func (r *reading) number() int64 {
	n, _ := encoding.Integer(r.next())
	return n
}

func (r *reading) text() string { return encoding.Text(r.next()) }

func (r *reading) bytes() []byte {
	b, _ := r.next().([]byte)
	return b
}

func (b *Broker) apply(r reading) error {
	kind, key := change(r.number()), r.text() // #nosec: an unknown kind is refused below
	if kind == changeDefine {
		return b.applyDefine(key, r.bytes())
	}
	e := b.entities[key]
	if e == nil {
		return fmt.Errorf("%w: change %d of unknown entity %q", ErrRecord, kind, key)
	}
	switch kind {
	case changeUndefine:
		b.drop(e)
	case changePut:
		return e.applyPut(&r)
	case changeRemove:
		return e.applyTo(r.number(), func(m *stored) {
			e.index.remove(m.sequence)
			e.size -= int64(m.Size())
		})
	case changeUpdate:
		return e.applyTo(r.number(), func(m *stored) {
			m.count, m.parked = uint32(r.number()), r.number() == 1 // #nosec: written from a uint32
		})
	case changeSession:
		s, at := e.sessionOf(r.text()), r.number()
		s.setState(r.bytes(), at)
	case changeSeen:
		if id := r.text(); e.seen != nil {
			e.seen.remember(id, r.number())
		}
	case changeSequence:
		e.sequence = max(e.sequence, r.number())
	default:
		return fmt.Errorf("%w: change of unknown kind %d", ErrRecord, kind)
	}
	return nil
}

func (b *Broker) applyDefine(key string, raw []byte) error {
	var d definition
	if err := json.Unmarshal(raw, &d); err != nil {
		return fmt.Errorf("%w: definition of %q: %w", ErrRecord, key, err)
	}
	e := b.entities[key]
	if e == nil {
		e = b.newEntity(d.Kind, d.Path, d.Settings)
		if d.Kind == Subscription {
			topic, _, _ := cutSubscription(key)
			if e.parent = b.entities[topic]; e.parent == nil {
				return fmt.Errorf("%w: subscription %q without its topic", ErrRecord, key)
			}
		}
		b.put(e)
	}
	e.created, e.updated = d.Created.UnixMilli(), d.Updated.UnixMilli()
	e.settings = d.Settings.withDefaults()
	e.rules = nil
	for _, r := range d.Rules {
		if err := e.addRule(r, e.created); err != nil {
			return fmt.Errorf("%w: %w", ErrRecord, err)
		}
	}
	return nil
}

func (e *entity) applyPut(r *reading) error {
	m := &stored{
		entity: e, sequence: r.number(), first: r.number(), enqueued: r.number(), expires: r.number(), until: r.number(),
		count: uint32(r.number()), parked: r.number() == 1, source: r.text(), // #nosec: written from a uint32
	}
	m.timer.owner = m
	var err error
	if m.Message, err = message.Parse(r.bytes()); err != nil {
		return fmt.Errorf("%w: message %d of %q: %w", ErrRecord, m.sequence, e.key, err)
	}
	if old := e.index.get(m.sequence); old != nil {
		e.size -= int64(old.Size())
	}
	e.index.add(m)
	e.size += int64(m.Size())
	e.sequence = max(e.sequence, m.sequence)
	return nil
}

func (e *entity) applyTo(sequence int64, f func(*stored)) error {
	m := e.index.get(sequence)
	if m == nil {
		return fmt.Errorf("%w: change of message %d, which %q does not have", ErrRecord, sequence, e.key)
	}
	f(m)
	return nil
}

// Recover makes a restored broker ready for use. Nothing is locked: those who
// held locks are gone. Call Advance before it.
func (b *Broker) Recover() {
	for _, e := range b.entities {
		for _, m := range e.index.all() {
			e.recover(m)
		}
		for _, s := range e.sessions {
			s.forget()
		}
	}
}

func (e *entity) recover(m *stored) {
	if e.hasSessions() {
		m.session = e.sessionOf(encoding.Text(m.Properties().At(message.PropertyGroupID)))
		m.session.messages++
	}
	switch {
	case m.until > 0:
		m.move(scheduled)
		e.broker.timers.set(&m.timer, m.until)
	case m.parked:
		m.move(deferred)
		m.watch()
	default:
		e.offer(m)
	}
}
