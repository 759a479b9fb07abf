package broker

import (
	"iter"
	"maps"
	"slices"
	"strings"
)

// recordSize is about how long one record of a snapshot becomes.
const recordSize = 256 << 10

// Snapshot returns records from which Restore makes a broker like this one at
// this moment: they take the place of all records before. The sequence may be
// used later, beside calls of the broker, and once: messages are shared, not
// copied. A record is valid until the next one.
func (b *Broker) Snapshot() iter.Seq[[]byte] {
	var all []frozen
	for _, kind := range []Kind{Queue, Topic, Subscription} {
		for _, e := range b.list(kind, nil) {
			all = append(all, freeze(e))
		}
	}
	return func(yield func([]byte) bool) {
		w := &recorder{on: true}
		for i := range all {
			if !all[i].write(w, yield) {
				return
			}
		}
		if len(w.buf) > 0 {
			yield(w.take())
		}
	}
}

// frozen is an entity as it was: what can change is copied, the bytes of
// messages, which cannot, are shared.
type frozen struct {
	definition []byte // a record
	contents   []contents
}

// contents are those of an entity or of one of its dead-letter queues.
type contents struct {
	rest     []byte // sequence, sessions and duplicates, a record
	messages []stored
}

func freeze(e *entity) frozen {
	w := &recorder{on: true}
	w.define(e)
	f := frozen{definition: slices.Clone(w.take())}
	for _, inside := range []*entity{e, e.dead, e.transfer} {
		if inside != nil {
			f.contents = append(f.contents, freezeContents(inside))
		}
	}
	return f
}

func freezeContents(e *entity) contents {
	w := &recorder{on: true}
	w.sequence(e)
	for _, id := range slices.Sorted(maps.Keys(e.sessions)) {
		if s := e.sessions[id]; s.state != nil {
			w.session(s)
		}
	}
	if e.seen != nil {
		for _, s := range e.seen.order {
			w.seen(e, s.id, s.until)
		}
	}
	c := contents{rest: w.take(), messages: make([]stored, 0, e.index.live)}
	for _, m := range e.index.from(0) {
		c.messages = append(c.messages, *m)
	}
	return c
}

// write yields the records of one entity, several changes in each.
func (f *frozen) write(w *recorder, yield func([]byte) bool) bool {
	w.buf = append(w.buf, f.definition...)
	for _, c := range f.contents {
		w.buf = append(w.buf, c.rest...)
		for i := range c.messages {
			w.put(&c.messages[i])
			if len(w.buf) > recordSize && !yield(w.take()) {
				return false
			}
		}
	}
	return true
}

// cutSubscription splits the path of a subscription.
func cutSubscription(path string) (topic, name string, ok bool) {
	return strings.Cut(key(path), subscriptions)
}
