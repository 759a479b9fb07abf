package broker

import (
	"encoding/binary"
	"errors"
	"fmt"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/protobuf/proto"
)

// Kind says what an event changes.
type Kind byte

const (
	topicCreated Kind = iota + 1
	topicUpdated
	topicDeleted
	logRestored // a log as it is, also one whose topic was deleted
	messagesPublished
	subscriptionCreated
	subscriptionUpdated
	subscriptionDeleted
	subscriptionDetached
	subscriptionSought
	acknowledged
	attempted
	leased
	snapshotCreated
	snapshotUpdated
	snapshotDeleted
	documentSet
	documentDeleted
	lastKind = documentDeleted
)

// Event is one durable change. Which fields it has depends on its kind.
type Event struct {
	Kind Kind
	Name string   // of the resource
	UID  uint64   // of a log or a subscription
	Seqs []uint64 // messages, or a pair of numbers
	Data []byte   // a resource
	Sets [][]byte // sets of messages, or messages
}

// maxItems bounds the lists of a decoded event.
const maxItems = 1 << 24

var errEvent = errors.New("broker: not an event")

// AppendEvents encodes events, to be decoded by DecodeEvents.
func AppendEvents(to []byte, events []Event) []byte {
	for _, e := range events {
		to = e.append(to)
	}
	return to
}

func (e Event) append(to []byte) []byte {
	to = append(to, byte(e.Kind))
	to = appendBytes(to, []byte(e.Name))
	to = binary.AppendUvarint(to, e.UID)
	to = binary.AppendUvarint(to, uint64(len(e.Seqs)))
	for _, n := range e.Seqs {
		to = binary.AppendUvarint(to, n)
	}
	to = appendBytes(to, e.Data)
	to = binary.AppendUvarint(to, uint64(len(e.Sets)))
	for _, b := range e.Sets {
		to = appendBytes(to, b)
	}
	return to
}

func appendBytes(to, b []byte) []byte {
	return append(binary.AppendUvarint(to, uint64(len(b))), b...)
}

// DecodeEvents is the reverse of AppendEvents. The events refer to b.
func DecodeEvents(b []byte) ([]Event, error) {
	var events []Event
	for d := (&decoder{b: b}); len(d.b) > 0; {
		e := Event{Kind: Kind(d.byte()), Name: string(d.bytes()), UID: d.number()}
		for range d.count() {
			e.Seqs = append(e.Seqs, d.number())
		}
		e.Data = d.bytes()
		for range d.count() {
			e.Sets = append(e.Sets, d.bytes())
		}
		if d.failed || e.Kind == 0 || e.Kind > lastKind {
			return nil, fmt.Errorf("%w: %d bytes from the end", errEvent, len(d.b))
		}
		events = append(events, e)
	}
	return events, nil
}

// decoder reads until something does not fit; then it reads zeros.
type decoder struct {
	b      []byte
	failed bool
}

func (d *decoder) byte() byte {
	if d.failed || len(d.b) == 0 {
		d.failed = true
		return 0
	}
	first := d.b[0]
	d.b = d.b[1:]
	return first
}

func (d *decoder) number() uint64 {
	n, size := binary.Uvarint(d.b)
	if d.failed || size <= 0 {
		d.failed = true
		return 0
	}
	d.b = d.b[size:]
	return n
}

func (d *decoder) bytes() []byte {
	n := d.number()
	if d.failed || n > uint64(len(d.b)) {
		d.failed = true
		return nil
	}
	b := d.b[:n:n]
	d.b = d.b[n:]
	return b
}

// count is that of a list, whose items have at least one byte each.
func (d *decoder) count() int {
	n := d.number()
	if n > maxItems || n > uint64(len(d.b)) {
		d.failed = true
		return 0
	}
	return int(n)
}

func marshal(m proto.Message) []byte {
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		panic("broker: a message that was received cannot be marshalled: " + err.Error())
	}
	return b
}

func publishedEvent(uid, first uint64, messages []*pubsubpb.PubsubMessage) Event {
	e := Event{Kind: messagesPublished, UID: uid, Seqs: []uint64{first}, Sets: make([][]byte, len(messages))}
	for i, m := range messages {
		e.Sets[i] = marshal(m)
	}
	return e
}

// emitAck joins acknowledgements of one call.
func (b *Broker) emitAck(s *Subscription, seq uint64) {
	if !b.durable() {
		return
	}
	if n := len(b.changes.Events); n > 0 {
		if last := &b.changes.Events[n-1]; last.Kind == acknowledged && last.UID == s.uid {
			last.Seqs = append(last.Seqs, seq)
			return
		}
	}
	b.emit(Event{Kind: acknowledged, Name: s.config.Name, UID: s.uid, Seqs: []uint64{seq}})
}

func attemptedEvent(s *Subscription, seq uint64, attempts int) Event {
	return Event{Kind: attempted, Name: s.config.Name, UID: s.uid, Seqs: []uint64{seq, uint64(attempts)}}
}

func leasedEvent(s *Subscription, l *lease) Event {
	return Event{Kind: leased, Name: s.config.Name, UID: s.uid, Seqs: []uint64{l.seq, l.nonce, uint64(l.deadline.UnixNano())}}
}

// subscriptionEvent has all that is durable of a subscription but attempts and
// leases.
func (b *Broker) subscriptionEvent(s *Subscription) Event {
	e := Event{Kind: subscriptionCreated, Name: s.config.Name, Data: marshal(s.config), UID: s.uid}
	if s.log != nil {
		e.Seqs = []uint64{s.log.uid}
		e.Sets = [][]byte{s.acked.encode(), s.released.encode()}
	}
	return e
}

func soughtEvent(s *Subscription) Event {
	return Event{
		Kind: subscriptionSought, Name: s.config.Name, UID: s.uid,
		Sets: [][]byte{s.acked.encode(), s.released.encode()},
	}
}

func snapshotEvent(p *Snapshot) Event {
	return Event{
		Kind: snapshotCreated, Name: p.config.Name, Data: marshal(p.config),
		Seqs: []uint64{p.log.uid}, Sets: [][]byte{p.acked.encode()},
	}
}

func (s *seqset) encode() []byte {
	b := binary.AppendUvarint(nil, s.floor)
	for _, w := range s.words {
		b = binary.LittleEndian.AppendUint64(b, w)
	}
	return b
}

func decodeSeqset(b []byte) (seqset, error) {
	floor, n := binary.Uvarint(b)
	if n <= 0 || floor&63 != 0 || (len(b)-n)%8 != 0 {
		return seqset{}, errEvent
	}
	s := seqset{floor: floor}
	for b = b[n:]; len(b) > 0; b = b[8:] {
		s.words = append(s.words, binary.LittleEndian.Uint64(b))
	}
	return s, nil
}
