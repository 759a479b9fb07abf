package schema

import (
	"fmt"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"github.com/linkedin/goavro/v2"
)

type avro struct{ codec *goavro.Codec }

func compileAvro(definition string) (Schema, error) {
	codec, err := goavro.NewCodec(definition)
	if err != nil {
		return nil, err
	}
	return avro{codec}, nil
}

func (a avro) Validate(data []byte, encoding pubsubpb.Encoding) error {
	var rest []byte
	var err error
	switch encoding {
	case pubsubpb.Encoding_BINARY:
		_, rest, err = a.codec.NativeFromBinary(data)
	case pubsubpb.Encoding_JSON:
		_, rest, err = a.codec.NativeFromTextual(data)
	default:
		err = unknownEncoding(encoding)
	}
	if err != nil {
		return err
	}
	if len(rest) > 0 {
		return fmt.Errorf("%d bytes after the message", len(rest))
	}
	return nil
}
