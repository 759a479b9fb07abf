package pubsub

import (
	"fmt"
	"strings"

	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
)

// frame is a message as it is on the wire.
type frame []byte

// codec passes frames.
type codec struct{}

// Marshal implements encoding.CodecV2.
func (codec) Marshal(v any) (mem.BufferSlice, error) {
	f, ok := v.(*frame)
	if !ok {
		return nil, fmt.Errorf("pubsub: %T is no frame", v)
	}
	return mem.BufferSlice{mem.SliceBuffer(*f)}, nil
}

// Unmarshal implements encoding.CodecV2.
func (codec) Unmarshal(data mem.BufferSlice, v any) error {
	f, ok := v.(*frame)
	if !ok {
		return fmt.Errorf("pubsub: %T is no frame", v)
	}
	*f = data.Materialize()
	return nil
}

// Name implements encoding.CodecV2: both sides speak protocol buffers.
func (codec) Name() string { return "proto" }

// operation names a call: the last part of the method, and that of the resource
// in the request's first field, if that is the name of one.
func operation(method string, request frame) string {
	name := method[strings.LastIndexByte(method, '/')+1:]
	number, kind, n := protowire.ConsumeTag(request)
	if n < 0 || number != 1 || kind != protowire.BytesType {
		return name
	}
	value, n := protowire.ConsumeBytes(request[n:])
	if n < 0 || !strings.HasPrefix(string(value), "projects/") {
		return name
	}
	resource := string(value)
	return name + " " + resource[strings.LastIndexByte(resource, '/')+1:]
}
