package host

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// The values that cross between Go and JavaScript: a tag byte and a payload,
// little endian. The other half is in glue/edge.mjs.
const (
	tagNull    = 0
	tagFalse   = 1
	tagTrue    = 2
	tagInt32   = 3
	tagFloat   = 4
	tagString  = 5
	tagBytes   = 6
	tagArray   = 7
	tagMap     = 8
	tagStrings = 10
	tagInt53   = 9 // an integer beyond 32 bits, as the double that JavaScript keeps it in
)

// maxInteger is the largest integer a JavaScript number holds exactly.
const maxInteger = 1<<53 - 1

// maxDepth bounds the nesting of a decoded value; the glue sends at most four.
const maxDepth = 32

var (
	errShort = errors.New("edge: a value from the host is cut short")
	errDeep  = errors.New("edge: a value from the host is nested too deeply")
)

// Append encodes v at the end of b: nil, bool, int, int64, float64, string,
// []byte, []string, []any or map[string]any. An integer beyond ±(2⁵³−1) is an
// error, because JavaScript would round it.
func Append(b []byte, v any) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return append(b, tagNull), nil
	case bool:
		if v {
			return append(b, tagTrue), nil
		}
		return append(b, tagFalse), nil
	case int:
		return appendInt(b, int64(v))
	case int64:
		return appendInt(b, v)
	case float64:
		return binary.LittleEndian.AppendUint64(append(b, tagFloat), math.Float64bits(v)), nil
	case string:
		return append(appendLen(b, tagString, len(v)), v...), nil
	case []byte:
		if v == nil {
			return append(b, tagNull), nil
		}
		return append(appendLen(b, tagBytes, len(v)), v...), nil
	case []string:
		b = appendLen(b, tagStrings, len(v))
		for _, s := range v {
			b = append(appendLen(b, tagString, len(s)), s...)
		}
		return b, nil
	case []any:
		return appendArray(b, v)
	case map[string]any:
		return appendMap(b, v)
	}
	return b, fmt.Errorf("edge: a %T cannot cross to the host", v)
}

func appendLen(b []byte, tag byte, n int) []byte {
	return binary.LittleEndian.AppendUint32(append(b, tag), uint32(n))
}

func appendInt(b []byte, n int64) ([]byte, error) {
	if n == int64(int32(n)) {
		return binary.LittleEndian.AppendUint32(append(b, tagInt32), uint32(int32(n))), nil
	}
	if n > maxInteger || n < -maxInteger {
		return b, fmt.Errorf("edge: %d is beyond the integers that a JavaScript number holds (2^53-1)", n)
	}
	return binary.LittleEndian.AppendUint64(append(b, tagInt53), math.Float64bits(float64(n))), nil
}

func appendArray(b []byte, a []any) ([]byte, error) {
	b = appendLen(b, tagArray, len(a))
	for _, v := range a {
		var err error
		if b, err = Append(b, v); err != nil {
			return b, err
		}
	}
	return b, nil
}

func appendMap(b []byte, m map[string]any) ([]byte, error) {
	b = appendLen(b, tagMap, len(m))
	for k, v := range m {
		var err error
		if b, err = Append(append(appendLen(b, tagString, len(k)), k...), v); err != nil {
			return b, err
		}
	}
	return b, nil
}

// Decode reads one value; numbers come as int64 or float64, lists as []any, or as
// []string where the host says so. Nothing shares b's memory.
func Decode(b []byte) (any, error) {
	d := decoder{rest: b}
	return d.value(0)
}

type decoder struct{ rest []byte }

func (d *decoder) take(n int) ([]byte, error) {
	if n < 0 || n > len(d.rest) {
		return nil, errShort
	}
	b := d.rest[:n:n]
	d.rest = d.rest[n:]
	return b, nil
}

func (d *decoder) length() (int, error) {
	b, err := d.take(4)
	if err != nil {
		return 0, err
	}
	return int(binary.LittleEndian.Uint32(b)), nil
}

func (d *decoder) sized() ([]byte, error) {
	n, err := d.length()
	if err != nil {
		return nil, err
	}
	return d.take(n)
}

func (d *decoder) value(depth int) (any, error) {
	tag, err := d.take(1)
	if err != nil {
		return nil, err
	}
	switch tag[0] {
	case tagNull:
		return nil, nil
	case tagFalse, tagTrue:
		return tag[0] == tagTrue, nil
	case tagInt32:
		n, err := d.length()
		return int64(int32(n)), err
	case tagFloat, tagInt53:
		return d.number(tag[0])
	case tagString:
		b, err := d.sized()
		return string(b), err
	case tagBytes:
		b, err := d.sized()
		return append([]byte{}, b...), err
	case tagStrings:
		return d.strings()
	case tagArray:
		return d.array(depth + 1)
	case tagMap:
		return d.object(depth + 1)
	}
	return nil, fmt.Errorf("edge: unknown tag %d in a value from the host", tag[0])
}

func (d *decoder) number(tag byte) (any, error) {
	b, err := d.take(8)
	if err != nil {
		return nil, err
	}
	f := math.Float64frombits(binary.LittleEndian.Uint64(b))
	if tag == tagInt53 {
		return int64(f), nil
	}
	return f, nil
}

func (d *decoder) array(depth int) (any, error) {
	n, err := d.length()
	if err != nil || n > len(d.rest) { // an element takes a byte at least
		return nil, errShort
	}
	if depth > maxDepth {
		return nil, errDeep
	}
	a := make([]any, n)
	for i := range a {
		if a[i], err = d.value(depth); err != nil {
			return nil, err
		}
	}
	return a, nil
}

// strings reads a list of them; they share one piece of memory.
func (d *decoder) strings() ([]string, error) {
	n, err := d.length()
	if err != nil || n > len(d.rest) {
		return nil, errShort
	}
	all := make([]string, n)
	whole := string(d.rest)
	for i := range all {
		d.rest = d.rest[min(1, len(d.rest)):] // the tag
		begin := len(whole) - len(d.rest) + 4
		b, err := d.sized()
		if err != nil {
			return nil, err
		}
		all[i] = whole[begin : begin+len(b)]
	}
	return all, nil
}

func (d *decoder) object(depth int) (any, error) {
	n, err := d.length()
	if err != nil || n > len(d.rest) {
		return nil, errShort
	}
	if depth > maxDepth {
		return nil, errDeep
	}
	m := make(map[string]any, n)
	for range n {
		k, err := d.value(depth)
		if err != nil {
			return nil, err
		}
		name, ok := k.(string)
		if !ok {
			return nil, fmt.Errorf("edge: a map from the host has a %T as key", k)
		}
		if m[name], err = d.value(depth); err != nil {
			return nil, err
		}
	}
	return m, nil
}
