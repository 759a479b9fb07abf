package message

import (
	"math"
	"time"

	"github.com/provingground/provingground/pkg/servicebustest/encoding"
)

// Stamp is what a broker says about a message that it delivers.
type Stamp struct {
	DeliveryCount uint32
	Delivery      encoding.Map // joined to the sender's delivery annotations
	Annotations   encoding.Map // joined to the sender's message annotations
}

// Append appends the message as a receiver gets it: the sender's sections with
// what the stamp adds. The keys of the stamp must not be among the sender's.
// A properties section is always there: some clients read the delivery count
// only beside one.
func (m Message) Append(b []byte, s Stamp) []byte {
	b = encoding.AppendComposite(b, SectionHeader, m.Durable, m.Priority, m.ttl(), nil, s.DeliveryCount)
	b = appendJoined(b, SectionDelivery, m.raw[:m.annotations], s.Delivery)
	b = appendJoined(b, SectionAnnotations, m.raw[m.annotations:m.properties], s.Annotations)
	if m.properties == m.application {
		b = encoding.AppendComposite(b, SectionProperties)
	}
	return append(b, m.raw[m.properties:]...)
}

// Encode returns the message without a stamp, as Parse reads it.
func (m Message) Encode(b []byte) []byte {
	b = encoding.AppendComposite(b, SectionHeader, m.Durable, m.Priority, m.ttl())
	return append(b, m.raw...)
}

func (m Message) ttl() any {
	if !m.HasTTL {
		return nil
	}
	return uint32(min(m.TTL/time.Millisecond, math.MaxUint32)) // #nosec: bounded just here
}

// appendJoined appends a map section with further entries, without decoding
// those that are there.
func appendJoined(b []byte, code byte, section []byte, more encoding.Map) []byte {
	if len(more) == 0 {
		return append(b, section...)
	}
	var own []byte
	n := 0
	if len(section) > 0 {
		own, n = entries(section)
	}
	b, start := encoding.Open(append(b, 0, 0x53, code), 0xd1)
	b = append(b, own...)
	for _, e := range more {
		b = encoding.Append(encoding.Append(b, e.Key), e.Value)
	}
	return encoding.Close(b, start, n+2*len(more))
}

// entries returns the encoded entries of a map section that cut has accepted.
func entries(section []byte) (encoded []byte, n int) {
	_, rest, err := encoding.Decode(section[1:]) // the descriptor
	if err != nil {
		return nil, 0
	}
	encoded, n, err = encoding.Elements(rest)
	if err != nil || n%2 != 0 {
		return nil, 0
	}
	return encoded, n
}
