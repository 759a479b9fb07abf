package schema

import (
	"context"
	"errors"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"github.com/bufbuild/protocompile"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"
)

type protocol struct {
	message protoreflect.MessageDescriptor
}

func compileProto(definition string) (Schema, error) {
	const name = "schema.proto"
	compiler := protocompile.Compiler{
		Resolver: &protocompile.SourceResolver{Accessor: protocompile.SourceAccessorFromMap(map[string]string{name: definition})},
	}
	files, err := compiler.Compile(context.Background(), name) // in memory: nothing to wait for
	if err != nil {
		return nil, err
	}
	if files[0].Messages().Len() == 0 {
		return nil, errors.New("the definition has no message")
	}
	return protocol{files[0].Messages().Get(0)}, nil
}

func (p protocol) Validate(data []byte, encoding pubsubpb.Encoding) error {
	m := dynamicpb.NewMessage(p.message)
	switch encoding {
	case pubsubpb.Encoding_BINARY:
		return proto.Unmarshal(data, m)
	case pubsubpb.Encoding_JSON:
		return protojson.Unmarshal(data, m)
	}
	return unknownEncoding(encoding)
}
