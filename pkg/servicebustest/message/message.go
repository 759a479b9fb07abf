// Package message keeps an AMQP 1.0 message as a broker wants it: cut into its
// sections (OASIS AMQP 1.0, part 3: Messaging, section 3.2), each as the bytes
// that came. Body and footer are never decoded; the other sections only when
// somebody asks.
package message

import (
	"errors"
	"fmt"
	"time"

	"github.com/provingground/provingground/pkg/servicebustest/encoding"
)

// Descriptor codes of the sections.
const (
	SectionHeader      = 0x70
	SectionDelivery    = 0x71
	SectionAnnotations = 0x72
	SectionProperties  = 0x73
	SectionApplication = 0x74
	SectionData        = 0x75
	SectionSequence    = 0x76
	SectionValue       = 0x77
	SectionFooter      = 0x78
)

// Fields of the properties section by position (part 3, section 3.2.4).
const (
	PropertyMessageID = iota
	PropertyUserID
	PropertyTo
	PropertySubject
	PropertyReplyTo
	PropertyCorrelationID
	PropertyContentType
	PropertyContentEncoding
	PropertyAbsoluteExpiry
	PropertyCreation
	PropertyGroupID
	PropertyGroupSequence
	PropertyReplyToGroupID
)

// ErrMalformed is what Parse wraps when the bytes are no message.
var ErrMalformed = errors.New("message: malformed")

// Message is one immutable message: changes make another one. The zero value
// is an empty message.
type Message struct {
	// Header fields. The rest of the header is the broker's to say.
	Durable  bool
	Priority uint8
	HasTTL   bool
	TTL      time.Duration // whole milliseconds

	raw []byte // the sections after the header, in the order of the specification
	// Where each section of raw begins; one that is absent is empty.
	annotations, properties, application, body uint32
}

// Parse cuts an encoded message. It copies: b may be used again.
func Parse(b []byte) (Message, error) {
	m := Message{Priority: 4}
	if code, ok := sectionCode(b); ok && code == SectionHeader {
		_, fields, rest, err := encoding.DecodeComposite(b)
		if err != nil {
			return Message{}, fmt.Errorf("%w: header: %w", ErrMalformed, err)
		}
		m.header(fields)
		b = rest
	}
	m.raw = append(make([]byte, 0, len(b)), b...)
	return m, m.cut()
}

func (m *Message) header(f encoding.Fields) {
	m.Durable = f.Bool(0)
	if p, ok := f.At(1).(uint8); ok {
		m.Priority = p
	}
	if f.Has(2) {
		m.HasTTL, m.TTL = true, time.Duration(f.Uint32(2, 0))*time.Millisecond
	}
}

// cut finds where the sections of raw begin, and refuses them out of order.
func (m *Message) cut() error {
	ends := [...]struct {
		code  uint64
		start *uint32
	}{
		{SectionDelivery, &m.annotations},
		{SectionAnnotations, &m.properties},
		{SectionProperties, &m.application},
		{SectionApplication, &m.body},
	}
	rest := m.raw
	for _, end := range ends {
		if code, ok := sectionCode(rest); ok && code == end.code {
			var err error
			if rest, err = checkSection(rest, code); err != nil {
				return err
			}
		}
		*end.start = uint32(len(m.raw) - len(rest)) // #nosec: messages are far below 4 GiB
	}
	return checkBody(rest)
}

func checkBody(b []byte) error {
	for len(b) > 0 {
		code, ok := sectionCode(b)
		if !ok || code < SectionData || code > SectionFooter {
			return fmt.Errorf("%w: section %#x is not known or not in its place", ErrMalformed, code)
		}
		var err error
		if b, err = checkSection(b, code); err != nil {
			return err
		}
	}
	return nil
}

// checkSection returns what follows a section whose value is of the type that
// it must have: receivers must be able to rely on that.
func checkSection(b []byte, code uint64) (rest []byte, err error) {
	rest, err = encoding.Check(b)
	if err != nil {
		return nil, fmt.Errorf("%w: section %#x: %w", ErrMalformed, code, err)
	}
	value, err := encoding.Skip(b[1:]) // the descriptor
	if err != nil || len(value) == 0 || !fits(code, value[0]) {
		return nil, fmt.Errorf("%w: section %#x has a value of type %#x", ErrMalformed, code, value[:min(1, len(value))])
	}
	return rest, nil
}

// fits says whether a section may have a value with this type code.
func fits(section uint64, code byte) bool {
	switch section {
	case SectionData:
		return code == 0xa0 || code == 0xb0
	case SectionProperties, SectionSequence:
		return code == 0x45 || code == 0xc0 || code == 0xd0
	case SectionValue:
		return true
	}
	return code == 0xc1 || code == 0xd1
}

// sectionCode returns the descriptor of the section that b begins with.
func sectionCode(b []byte) (uint64, bool) {
	if len(b) < 3 || b[0] != 0 {
		return 0, false
	}
	if b[1] == 0x53 { // smallulong, which every client uses
		return uint64(b[2]), true
	}
	v, _, err := encoding.Decode(b[1:])
	code, ok := v.(uint64)
	return code, err == nil && ok
}

// Size is the number of encoded bytes, without the header.
func (m Message) Size() int { return len(m.raw) }

// Body returns the encoded body sections and the footer.
func (m Message) Body() []byte { return m.raw[m.body:] }

// Properties returns the decoded properties section: its fields by position.
func (m Message) Properties() encoding.Fields {
	_, fields, _, err := encoding.DecodeComposite(m.raw[m.properties:m.application])
	if err != nil {
		return nil
	}
	return fields
}

// Application returns the decoded application properties.
func (m Message) Application() encoding.Map { return mapOf(m.raw[m.application:m.body]) }

// Annotations returns the decoded message annotations.
func (m Message) Annotations() encoding.Map { return mapOf(m.raw[m.annotations:m.properties]) }

func mapOf(section []byte) encoding.Map {
	v, _, err := encoding.Decode(section)
	if err != nil {
		return nil
	}
	d, _ := v.(encoding.Described)
	entries, _ := d.Value.(encoding.Map)
	return entries
}

// Value returns the decoded value of a message whose body is one amqp-value
// section, as requests to management nodes have, or nil.
func (m Message) Value() any {
	v, _, err := encoding.Decode(m.Body())
	if err != nil {
		return nil
	}
	d, _ := v.(encoding.Described)
	if d.Descriptor != uint64(SectionValue) {
		return nil
	}
	return d.Value
}

// Batch returns the encoded messages in the data sections of a body, as a
// sender packs them (message format 0x80013700).
func (m Message) Batch() ([][]byte, error) {
	var all [][]byte
	for b := m.Body(); len(b) > 0; {
		code, _ := sectionCode(b)
		v, rest, err := encoding.Decode(b)
		if err != nil {
			return nil, fmt.Errorf("%w: batch: %w", ErrMalformed, err)
		}
		d, _ := v.(encoding.Described)
		data, ok := d.Value.([]byte)
		if code != SectionData || !ok {
			return nil, fmt.Errorf("%w: batch holds section %#x", ErrMalformed, code)
		}
		all, b = append(all, data), rest
	}
	return all, nil
}
