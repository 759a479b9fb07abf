package broker

import (
	"iter"
	"slices"
	"strconv"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
)

// stateChunk is about how many bytes of messages go into one event.
const stateChunk = 1 << 20

// run is a row of messages without a gap.
type run struct {
	uid, first uint64
	messages   []*pubsubpb.PubsubMessage
}

// State returns events that make the present state, in rows that belong
// together. It copies references at once; the sequence may be read later,
// while the broker goes on.
func (b *Broker) State() iter.Seq[[]Event] {
	var first, last []Event
	var runs []run
	for _, name := range sorted(b.documents) {
		first = append(first, Event{Kind: documentSet, Name: name, Data: slices.Clone(b.documents[name])})
	}
	for _, l := range b.logs {
		first = append(first, Event{Kind: logRestored, UID: l.uid, Name: l.name, Seqs: []uint64{l.base, l.end(), uint64(l.last)}})
		runs = append(runs, l.runs()...)
	}
	for _, name := range sorted(b.topics) {
		last = append(last, b.topics[name].event())
	}
	for _, name := range sorted(b.subs) {
		last = append(last, b.subs[name].events(b)...)
	}
	for _, name := range sorted(b.snapshots) {
		last = append(last, snapshotEvent(b.snapshots[name]))
	}
	return func(yield func([]Event) bool) {
		if !yield(first) {
			return
		}
		for _, r := range runs {
			if !yield([]Event{publishedEvent(r.uid, r.first, r.messages)}) {
				return
			}
		}
		yield(last)
	}
}

// runs returns the log's messages; the last run, perhaps empty, ends where the
// log does.
func (l *log) runs() []run {
	var all []run
	r := run{uid: l.uid, first: l.base}
	size := 0
	for i := range l.entries {
		e := &l.entries[i]
		seq := l.base + uint64(i)
		if e.message == nil || size > stateChunk {
			if len(r.messages) > 0 {
				all = append(all, r)
			}
			r, size = run{uid: l.uid, first: seq}, 0
		}
		if e.message == nil {
			r.first = seq + 1
			continue
		}
		r.messages = append(r.messages, e.message)
		size += int(e.size)
	}
	return append(all, r)
}

func (t *Topic) event() Event {
	e := Event{Kind: topicCreated, Name: t.config.Name, UID: t.log.uid, Data: marshal(t.config)}
	if t.keeps {
		e.Seqs = []uint64{t.kept}
	}
	return e
}

func (s *Subscription) events(b *Broker) []Event {
	all := []Event{b.subscriptionEvent(s)}
	for seq, n := range s.attempts {
		all = append(all, attemptedEvent(s, seq, n))
	}
	if s.config.EnableExactlyOnceDelivery {
		for _, l := range s.leases {
			all = append(all, leasedEvent(s, l))
		}
	}
	return all
}

func idSequence(id string) uint64 {
	n, err := strconv.ParseUint(id, 10, 64)
	if err != nil || n < firstID {
		return 0
	}
	return n - firstID
}
