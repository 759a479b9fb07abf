package message

import (
	"time"

	"github.com/provingground/provingground/pkg/servicebustest/encoding"
)

// Parts are the decoded sections of a message that a change may touch.
type Parts struct {
	Annotations, Application encoding.Map
	Properties               encoding.Fields
}

// Parts decodes the sections that a change may touch.
func (m Message) Parts() Parts {
	return Parts{m.Annotations(), m.Application(), m.Properties()}
}

// With returns the message with other sections in place of its own.
func (m Message) With(p Parts) Message {
	raw := make([]byte, 0, len(m.raw)+64)
	raw = append(raw, m.raw[:m.annotations]...)
	raw = appendMapSection(raw, SectionAnnotations, p.Annotations)
	m.properties = position(raw)
	if len(p.Properties) > 0 {
		raw = encoding.AppendComposite(raw, SectionProperties, p.Properties...)
	}
	at := position(raw)
	raw = appendMapSection(raw, SectionApplication, p.Application)
	body := position(raw)
	raw = append(raw, m.Body()...)
	m.raw, m.application, m.body = raw, at, body
	return m
}

func position(b []byte) uint32 { return uint32(len(b)) } // #nosec: messages are far below 4 GiB

func appendMapSection(b []byte, code uint64, m encoding.Map) []byte {
	if len(m) == 0 {
		return b
	}
	return encoding.Append(b, encoding.Described{Descriptor: code, Value: m})
}

// SetProperty returns the fields with one of them set, longer if need be.
func SetProperty(f encoding.Fields, i int, v any) encoding.Fields {
	for len(f) <= i {
		f = append(f, nil)
	}
	f[i] = v
	return f
}

// New makes a message of decoded parts; body is an encoded body section.
func New(p Parts, body []byte) Message {
	return Message{Priority: 4, raw: body}.With(p)
}

// Value returns an encoded amqp-value body section.
func Value(v any) []byte {
	return encoding.Append(nil, encoding.Described{Descriptor: uint64(SectionValue), Value: v})
}

// Data returns an encoded data body section.
func Data(b []byte) []byte {
	return encoding.Append(nil, encoding.Described{Descriptor: uint64(SectionData), Value: b})
}

// DataBytes returns the bytes of the data sections of a body, joined; nil if
// the body is of another kind.
func (m Message) DataBytes() []byte {
	var joined []byte
	for b := m.Body(); len(b) > 0; {
		code, _ := sectionCode(b)
		v, rest, err := encoding.Decode(b)
		if err != nil || code != SectionData {
			break
		}
		data, _ := v.(encoding.Described).Value.([]byte)
		joined, b = append(joined, data...), rest
	}
	return joined
}

// Expiring returns the message with a time to live.
func (m Message) Expiring(ttl time.Duration) Message {
	m.HasTTL, m.TTL = ttl > 0, ttl
	return m
}
