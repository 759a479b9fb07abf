// Package schema checks messages against Avro and protocol buffer schemas, in
// the two encodings that Pub/Sub has: JSON and binary.
//
// Avro is read by github.com/linkedin/goavro, because it knows Avro's own JSON
// encoding; protocol buffers are compiled by github.com/bufbuild/protocompile,
// because it needs no protoc. As in the service a protocol buffer definition is
// one file without imports, and its first message is the one that counts.
package schema

import (
	"errors"
	"fmt"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
)

// MaxDefinition is the longest definition, in bytes (page "Quotas and limits").
const MaxDefinition = 300 << 10

// Schema is a compiled definition.
type Schema interface {
	// Validate says why data is not a message of the schema.
	Validate(data []byte, encoding pubsubpb.Encoding) error
}

// Compile reads a definition.
func Compile(kind pubsubpb.Schema_Type, definition string) (Schema, error) {
	if definition == "" {
		return nil, errors.New("the definition is empty")
	}
	if len(definition) > MaxDefinition {
		return nil, fmt.Errorf("the definition has %d bytes, limit %d", len(definition), MaxDefinition)
	}
	switch kind {
	case pubsubpb.Schema_AVRO:
		return compileAvro(definition)
	case pubsubpb.Schema_PROTOCOL_BUFFER:
		return compileProto(definition)
	}
	return nil, fmt.Errorf("unknown schema type %v", kind)
}

func unknownEncoding(e pubsubpb.Encoding) error { return fmt.Errorf("unknown encoding %v", e) }
