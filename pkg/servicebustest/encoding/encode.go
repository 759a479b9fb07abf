package encoding

import (
	"encoding/binary"
	"math"
	"time"
)

// Append appends the encoding of v, in its shortest form, and returns the
// longer slice. Beside the types of the package comment it takes []Symbol,
// []string, []int64, []UUID, []time.Time (arrays) and map[string]any with
// string keys. Any other type is a fault of the caller and panics.
func Append(b []byte, v any) []byte {
	switch v := v.(type) {
	case nil:
		return append(b, 0x40)
	case bool:
		if v {
			return append(b, 0x41)
		}
		return append(b, 0x42)
	case string:
		return AppendString(b, v)
	case Symbol:
		return appendSized(b, 0xa3, string(v))
	case []byte:
		return appendSized(b, 0xa0, v)
	case time.Time:
		return binary.BigEndian.AppendUint64(append(b, 0x83), uint64(v.UnixMilli())) // #nosec: two's complement
	case UUID:
		return append(append(b, 0x98), v[:]...)
	case List:
		return appendList(b, v)
	case Map:
		return appendMap(b, v)
	case Described:
		return Append(Append(append(b, 0), v.Descriptor), v.Value)
	case Decimal:
		return append(append(b, decimalCode(v)), v...)
	}
	return appendNumber(b, v)
}

func appendNumber(b []byte, v any) []byte {
	switch v := v.(type) {
	case uint8:
		return append(b, 0x50, v)
	case uint16:
		return binary.BigEndian.AppendUint16(append(b, 0x60), v)
	case uint32:
		return AppendUint(b, v)
	case uint64:
		return AppendUlong(b, v)
	case int8:
		return append(b, 0x51, byte(v))
	case int16:
		return binary.BigEndian.AppendUint16(append(b, 0x61), uint16(v)) // #nosec: two's complement
	case int32:
		if v == int32(int8(v)) {
			return append(b, 0x54, byte(v))
		}
		return binary.BigEndian.AppendUint32(append(b, 0x71), uint32(v)) // #nosec: two's complement
	case int64:
		if v == int64(int8(v)) {
			return append(b, 0x55, byte(v))
		}
		return binary.BigEndian.AppendUint64(append(b, 0x81), uint64(v)) // #nosec: two's complement
	case float32:
		return binary.BigEndian.AppendUint32(append(b, 0x72), math.Float32bits(v))
	case float64:
		return binary.BigEndian.AppendUint64(append(b, 0x82), math.Float64bits(v))
	case Char:
		return binary.BigEndian.AppendUint32(append(b, 0x73), uint32(v)) // #nosec: any 32 bits are kept
	}
	return appendArray(b, v)
}

// AppendUint appends a uint in its shortest form.
func AppendUint(b []byte, v uint32) []byte {
	switch {
	case v == 0:
		return append(b, 0x43)
	case v < 256:
		return append(b, 0x52, byte(v))
	}
	return binary.BigEndian.AppendUint32(append(b, 0x70), v)
}

// AppendUlong appends a ulong in its shortest form.
func AppendUlong(b []byte, v uint64) []byte {
	switch {
	case v == 0:
		return append(b, 0x44)
	case v < 256:
		return append(b, 0x53, byte(v))
	}
	return binary.BigEndian.AppendUint64(append(b, 0x80), v)
}

// AppendString appends a string.
func AppendString(b []byte, s string) []byte { return appendSized(b, 0xa1, s) }

// appendSized appends bytes behind their length; code is that of the short form.
func appendSized[T string | []byte](b []byte, code byte, s T) []byte {
	if len(s) < 256 {
		b = append(b, code, byte(len(s)))
	} else {
		b = append(b, code+0x10)
		b = binary.BigEndian.AppendUint32(b, uint32(len(s))) // #nosec: messages are far below 4 GiB
	}
	return append(b, s...)
}

func decimalCode(d Decimal) byte {
	switch len(d) {
	case 4:
		return 0x74
	case 8:
		return 0x84
	}
	return 0x94
}

func appendList(b []byte, l List) []byte {
	if len(l) == 0 {
		return append(b, 0x45)
	}
	b, start := Open(b, 0xd0)
	for _, v := range l {
		b = Append(b, v)
	}
	return Close(b, start, len(l))
}

func appendMap(b []byte, m Map) []byte {
	b, start := Open(b, 0xd1)
	for _, e := range m {
		b = Append(Append(b, e.Key), e.Value)
	}
	return Close(b, start, 2*len(m))
}

// Open begins a list (0xd0), map (0xd1) or array (0xf0) whose elements the
// caller appends before Close.
func Open(b []byte, code byte) (opened []byte, start int) {
	b = append(b, code, 0, 0, 0, 0, 0, 0, 0, 0)
	return b, len(b)
}

// Close writes size and count of a value that Open began. The count of a map
// is that of its keys and values together.
func Close(b []byte, start, count int) []byte {
	binary.BigEndian.PutUint32(b[start-8:], uint32(len(b)-start+4)) // #nosec: bounded by the frame size
	binary.BigEndian.PutUint32(b[start-4:], uint32(count))          // #nosec: bounded by the frame size
	return b
}

// AppendComposite appends a described list: a performative, a section, a state
// (part 1, section 1.4). Nulls at the end are kept: some clients index them.
func AppendComposite(b []byte, code uint64, fields ...any) []byte {
	return appendList(AppendUlong(append(b, 0), code), fields)
}
