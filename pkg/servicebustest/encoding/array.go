package encoding

import (
	"encoding/binary"
	"fmt"
	"time"
)

// appendArray appends arrays and the few Go types that stand for one.
func appendArray(b []byte, v any) []byte {
	switch v := v.(type) {
	case Array:
		return appendItems(b, v)
	case []Symbol:
		return appendItems(b, items(v))
	case []string:
		return appendItems(b, items(v))
	case []int64:
		return appendItems(b, items(v))
	case []UUID:
		return appendItems(b, items(v))
	case []time.Time:
		return appendItems(b, items(v))
	case map[string]any:
		m := make(Map, 0, len(v))
		for key, value := range v {
			m = append(m, Entry{key, value})
		}
		return appendMap(b, m)
	}
	panic(fmt.Sprintf("encoding: cannot encode %T", v))
}

func items[T any](s []T) Array {
	a := make(Array, len(s))
	for i, v := range s {
		a[i] = v
	}
	return a
}

// appendItems writes an array with the widest constructor of its type, which
// holds every element.
func appendItems(b []byte, a Array) []byte {
	b, start := Open(b, 0xf0)
	if len(a) == 0 {
		return Close(append(b, 0x40), start, 0)
	}
	b = appendConstructor(b, a[0])
	for _, v := range a {
		b = appendElement(b, v)
	}
	return Close(b, start, len(a))
}

func appendConstructor(b []byte, v any) []byte {
	if d, ok := v.(Described); ok {
		return appendConstructor(Append(append(b, 0), d.Descriptor), d.Value)
	}
	return append(b, wide(v))
}

// wide returns the type code of the widest form of v.
func wide(v any) byte {
	switch v := v.(type) {
	case bool:
		return 0x56
	case uint32:
		return 0x70
	case uint64:
		return 0x80
	case int32:
		return 0x71
	case int64:
		return 0x81
	case []byte:
		return 0xb0
	case string:
		return 0xb1
	case Symbol:
		return 0xb3
	case List:
		return 0xd0
	case Map:
		return 0xd1
	case Array:
		return 0xf0
	default:
		return Append(nil, v)[0] // types with one form
	}
}

// appendElement appends v without its constructor, in the form of wide.
func appendElement(b []byte, v any) []byte {
	switch v := v.(type) {
	case Described:
		return appendElement(b, v.Value)
	case bool:
		if v {
			return append(b, 1)
		}
		return append(b, 0)
	case uint32:
		return binary.BigEndian.AppendUint32(b, v)
	case uint64:
		return binary.BigEndian.AppendUint64(b, v)
	case int32:
		return binary.BigEndian.AppendUint32(b, uint32(v)) // #nosec: two's complement
	case int64:
		return binary.BigEndian.AppendUint64(b, uint64(v)) // #nosec: two's complement
	case []byte:
		return appendLong(b, v)
	case string:
		return appendLong(b, v)
	case Symbol:
		return appendLong(b, string(v))
	case List:
		if len(v) == 0 {
			return append(b, 0, 0, 0, 4, 0, 0, 0, 0)
		}
	}
	return append(b, Append(nil, v)[1:]...)
}

func appendLong[T string | []byte](b []byte, s T) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(len(s))) // #nosec: messages are far below 4 GiB
	return append(b, s...)
}
