package schema_test

import (
	"encoding/binary"
	"strings"
	"testing"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"

	"github.com/provingground/provingground/pkg/pubsubtest/schema"
)

const (
	avroOrder  = `{"type":"record","name":"Order","fields":[{"name":"id","type":"string"},{"name":"note","type":["null","string"]}]}`
	protoOrder = `syntax = "proto3"; message Order { string id = 1; int32 count = 2; }`
)

func TestMessagesAreCheckedInBothEncodings(t *testing.T) {
	avroBinary := append(binary.AppendVarint(nil, 2), 'a', 'b', 0)
	for _, c := range []struct {
		name       string
		kind       pubsubpb.Schema_Type
		definition string
		encoding   pubsubpb.Encoding
		data       string
		ok         bool
	}{
		{"avro json", pubsubpb.Schema_AVRO, avroOrder, pubsubpb.Encoding_JSON, `{"id":"1","note":{"string":"x"}}`, true},
		{"avro json, a union without its branch", pubsubpb.Schema_AVRO, avroOrder, pubsubpb.Encoding_JSON, `{"id":"1","note":"x"}`, false},
		{"avro json, a field is missing", pubsubpb.Schema_AVRO, avroOrder, pubsubpb.Encoding_JSON, `{"note":null}`, false},
		{"avro binary", pubsubpb.Schema_AVRO, avroOrder, pubsubpb.Encoding_BINARY, string(avroBinary), true},
		{"avro binary, too long", pubsubpb.Schema_AVRO, avroOrder, pubsubpb.Encoding_BINARY, string(avroBinary) + "x", false},
		{"avro binary, too short", pubsubpb.Schema_AVRO, avroOrder, pubsubpb.Encoding_BINARY, string(avroBinary[:2]), false},
		{"proto json", pubsubpb.Schema_PROTOCOL_BUFFER, protoOrder, pubsubpb.Encoding_JSON, `{"id":"1","count":2}`, true},
		{"proto json, unknown field", pubsubpb.Schema_PROTOCOL_BUFFER, protoOrder, pubsubpb.Encoding_JSON, `{"nr":"1"}`, false},
		{"proto binary", pubsubpb.Schema_PROTOCOL_BUFFER, protoOrder, pubsubpb.Encoding_BINARY, "\x0a\x01a\x10\x02", true},
		{"proto binary, cut", pubsubpb.Schema_PROTOCOL_BUFFER, protoOrder, pubsubpb.Encoding_BINARY, "\x0a\x05a", false},
		{"no encoding", pubsubpb.Schema_PROTOCOL_BUFFER, protoOrder, pubsubpb.Encoding_ENCODING_UNSPECIFIED, "", false},
	} {
		s, err := schema.Compile(c.kind, c.definition)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if err := s.Validate([]byte(c.data), c.encoding); (err == nil) != c.ok {
			t.Errorf("%s: %v, want ok %v", c.name, err, c.ok)
		}
	}
}

func TestBadDefinitionsAreRefused(t *testing.T) {
	for definition, kind := range map[string]pubsubpb.Schema_Type{
		"": pubsubpb.Schema_AVRO, `{"type":"nonsense"}`: pubsubpb.Schema_AVRO, avroOrder: pubsubpb.Schema_TYPE_UNSPECIFIED,
		`syntax = "proto3";`: pubsubpb.Schema_PROTOCOL_BUFFER, `message {`: pubsubpb.Schema_PROTOCOL_BUFFER,
		`syntax = "proto3"; import "other.proto"; message A {}`: pubsubpb.Schema_PROTOCOL_BUFFER,
		`"` + strings.Repeat("x", schema.MaxDefinition) + `"`:   pubsubpb.Schema_AVRO,
	} {
		if _, err := schema.Compile(kind, definition); err == nil {
			t.Errorf("Compile(%v, %.60s) succeeded", kind, definition)
		}
	}
}
