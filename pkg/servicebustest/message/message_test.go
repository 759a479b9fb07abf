package message_test

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/provingground/provingground/pkg/servicebustest/encoding"
	"github.com/provingground/provingground/pkg/servicebustest/message"
)

func section(code uint64, v any) []byte {
	return encoding.Append(nil, encoding.Described{Descriptor: code, Value: v})
}

// full is a message with every section.
func full() []byte {
	return bytes.Join([][]byte{
		section(message.SectionHeader, encoding.List{true, uint8(7), uint32(5000)}),
		section(message.SectionDelivery, encoding.Map{{Key: encoding.Symbol("d"), Value: "x"}}),
		section(message.SectionAnnotations, encoding.Map{{Key: encoding.Symbol("a"), Value: "x"}}),
		section(message.SectionProperties, encoding.List{"id", nil, "to"}),
		section(message.SectionApplication, encoding.Map{{Key: "k", Value: int32(1)}}),
		section(message.SectionData, []byte("one")),
		section(message.SectionData, []byte("two")),
		section(message.SectionFooter, encoding.Map{{Key: encoding.Symbol("f"), Value: "x"}}),
	}, nil)
}

func TestSectionsAreFoundAndBodiesStayAsTheyCame(t *testing.T) {
	m, err := message.Parse(full())
	if err != nil {
		t.Fatal(err)
	}
	if !m.Durable || m.Priority != 7 || !m.HasTTL || m.TTL != 5*time.Second {
		t.Errorf("header %+v", m)
	}
	if m.Properties().Text(message.PropertyMessageID) != "id" || m.Properties().Text(message.PropertyTo) != "to" {
		t.Errorf("properties %v", m.Properties())
	}
	if v, _ := m.Application().Get("k"); v != int32(1) {
		t.Errorf("application properties %v", m.Application())
	}
	if v, _ := m.Annotations().Get("a"); v != "x" {
		t.Errorf("annotations %v", m.Annotations())
	}
	want := bytes.Join([][]byte{
		section(message.SectionData, []byte("one")), section(message.SectionData, []byte("two")),
		section(message.SectionFooter, encoding.Map{{Key: encoding.Symbol("f"), Value: "x"}}),
	}, nil)
	if !bytes.Equal(m.Body(), want) {
		t.Errorf("body %x, want %x", m.Body(), want)
	}
	again, err := message.Parse(m.Encode(nil))
	if err != nil || !bytes.Equal(again.Encode(nil), m.Encode(nil)) {
		t.Errorf("a message that was encoded reads differently: %v", err)
	}
}

func TestTheStampJoinsWhatTheSenderWrote(t *testing.T) {
	m, err := message.Parse(full())
	if err != nil {
		t.Fatal(err)
	}
	got, err := message.Parse(m.Append(nil, message.Stamp{
		DeliveryCount: 3,
		Delivery:      encoding.Map{{Key: encoding.Symbol("lock"), Value: encoding.UUID{1}}},
		Annotations:   encoding.Map{{Key: encoding.Symbol("seq"), Value: int64(9)}},
	}))
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]any{"a": "x", "seq": int64(9)} {
		if v, _ := got.Annotations().Get(key); v != want {
			t.Errorf("annotation %s is %v, want %v", key, v, want)
		}
	}
	if !bytes.Equal(got.Body(), m.Body()) {
		t.Error("the body has changed")
	}
}

func TestAMessageWithoutPropertiesGetsAnEmptySection(t *testing.T) {
	m, err := message.Parse(section(message.SectionData, []byte("x")))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(m.Append(nil, message.Stamp{}), []byte{0, 0x53, message.SectionProperties, 0x45}) {
		t.Error("no properties section")
	}
}

func TestWithReplacesSectionsAndKeepsTheRest(t *testing.T) {
	m, err := message.Parse(full())
	if err != nil {
		t.Fatal(err)
	}
	p := m.Parts()
	p.Application = p.Application.Set("k", "changed").Set("new", true)
	p.Properties = message.SetProperty(p.Properties, message.PropertyReplyToGroupID, "g")
	changed := m.With(p)
	if v, _ := changed.Application().Get("k"); v != "changed" {
		t.Errorf("application properties %v", changed.Application())
	}
	if changed.Properties().Text(message.PropertyReplyToGroupID) != "g" || changed.Properties().Text(message.PropertyMessageID) != "id" {
		t.Errorf("properties %v", changed.Properties())
	}
	if !bytes.Equal(changed.Body(), m.Body()) || string(changed.DataBytes()) != "onetwo" {
		t.Error("the body has changed")
	}
	if v, _ := m.Application().Get("k"); v != int32(1) {
		t.Error("the message itself has changed")
	}
}

func TestABatchHasItsMessages(t *testing.T) {
	body := append(section(message.SectionData, full()), section(message.SectionData, []byte("raw"))...)
	m, err := message.Parse(body)
	if err != nil {
		t.Fatal(err)
	}
	parts, err := m.Batch()
	if err != nil || len(parts) != 2 || !bytes.Equal(parts[0], full()) || string(parts[1]) != "raw" {
		t.Errorf("batch %x, %v", parts, err)
	}
}

func TestSectionsOutOfOrderAndRubbishAreRefused(t *testing.T) {
	for name, b := range map[string][]byte{
		"properties after the body":         append(section(message.SectionData, []byte("x")), section(message.SectionProperties, encoding.List{})...),
		"annotations after the properties":  append(section(message.SectionProperties, encoding.List{}), section(message.SectionAnnotations, encoding.Map{})...),
		"a section that is cut":             full()[:len(full())-3],
		"a value that is no section":        {0x40},
		"an unknown section":                section(0x7f, nil),
		"annotations that are no map":       section(message.SectionAnnotations, "x"),
		"properties that are no list":       section(message.SectionProperties, "x"),
		"a header whose list is cut":        {0, 0x53, 0x70, 0xc0, 9, 1},
		"application properties with a gap": {0, 0x53, 0x74, 0xc1, 3, 1, 0x40, 0x40},
	} {
		if _, err := message.Parse(b); !errors.Is(err, message.ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(full())
	f.Add(section(message.SectionValue, encoding.Map{{Key: "k", Value: encoding.List{}}}))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := message.Parse(b)
		if err != nil {
			return
		}
		_, _ = m.Batch()
		m.Value()
		m.DataBytes()
		stamped := m.Append(nil, message.Stamp{
			Delivery:    encoding.Map{{Key: encoding.Symbol("x-lock"), Value: encoding.UUID{}}},
			Annotations: encoding.Map{{Key: encoding.Symbol("x-seq"), Value: int64(1)}},
		})
		got, err := message.Parse(stamped)
		if err != nil {
			t.Fatalf("a stamped message is malformed: %v", err)
		}
		if !bytes.Equal(got.Body(), m.Body()) {
			t.Fatal("the body has changed")
		}
		if _, err := message.Parse(m.With(m.Parts()).Encode(nil)); err != nil {
			t.Fatalf("a message with its own parts is malformed: %v", err)
		}
	})
}
