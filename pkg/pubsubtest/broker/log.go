package broker

import (
	"sort"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/protobuf/proto"
)

// log has the messages of one topic in the order in which they were published.
// It outlives its topic while subscriptions have a backlog from it.
type log struct {
	uid     uint64
	name    string // of the topic that has it, or had it
	topic   *Topic // nil after the topic was deleted
	base    uint64 // sequence of entries[0]
	entries []entry
	subs    []*Subscription
	snaps   []*Snapshot
	last    int64 // publish time of the newest
}

// entry is a message while somebody holds it: a subscription that has not
// released it, a snapshot, or the topic's own retention.
type entry struct {
	message   *pubsubpb.PubsubMessage
	published int64 // nanoseconds since 1970
	size      int32
	holders   int32
}

func (l *log) end() uint64 { return l.base + uint64(len(l.entries)) }

// at returns the entry of seq, nil if it is gone or not there yet.
func (l *log) at(seq uint64) *entry {
	if seq < l.base || seq >= l.end() {
		return nil
	}
	if e := &l.entries[seq-l.base]; e.message != nil {
		return e
	}
	return nil
}

// append adds a message whose id and time are set. Nobody holds it yet.
func (l *log) append(m *pubsubpb.PubsubMessage) (uint64, *entry) {
	published := m.PublishTime.AsTime().UnixNano()
	l.last = max(l.last, published)
	l.entries = append(l.entries, entry{message: m, published: published, size: int32(proto.Size(m))})
	return l.end() - 1, &l.entries[len(l.entries)-1]
}

func (l *log) hold(seq uint64) {
	if e := l.at(seq); e != nil {
		e.holders++
	}
}

// release gives a hold back; the last one frees the message.
func (l *log) release(b *Broker, seq uint64) {
	e := l.at(seq)
	if e == nil {
		return
	}
	e.holders--
	if e.holders <= 0 && !b.restoring {
		b.free(e)
		l.trim()
	}
}

func (b *Broker) free(e *entry) {
	if e.message != nil {
		e.message = nil
		b.bytes -= int64(e.size)
	}
}

// trim drops what nobody holds from the front.
func (l *log) trim() {
	n := 0
	for n < len(l.entries) && l.entries[n].message == nil {
		n++
	}
	l.base += uint64(n)
	l.entries = l.entries[n:]
	if len(l.entries) == 0 {
		l.entries = nil
	}
}

// since returns the first sequence that was published at t or later.
func (l *log) since(t time.Time) uint64 {
	nanos := t.UnixNano()
	return l.base + uint64(sort.Search(len(l.entries), func(i int) bool { return l.entries[i].published >= nanos }))
}

func (l *log) unused() bool { return l.topic == nil && len(l.subs) == 0 && len(l.snaps) == 0 }
