package encoding

import (
	"encoding/binary"
	"math"
	"time"
)

// maxEmpty bounds the elements of an array whose elements have no bytes, which
// the bytes of the value cannot bound.
const maxEmpty = 1024

// Decode reads the first value of b and returns what follows it. Byte strings
// in the value are copies: b may be used again.
func Decode(b []byte) (v any, rest []byte, err error) {
	return decode(b, 0)
}

func decode(b []byte, depth int) (any, []byte, error) {
	if depth > maxDepth {
		return nil, nil, ErrDeep
	}
	if len(b) == 0 {
		return nil, nil, ErrShort
	}
	if b[0] == 0 {
		return decodeDescribed(b[1:], depth)
	}
	return decodeValue(b[0], b[1:], depth)
}

func decodeDescribed(b []byte, depth int) (any, []byte, error) {
	descriptor, b, err := decode(b, depth+1)
	if err != nil {
		return nil, nil, err
	}
	v, b, err := decode(b, depth+1)
	if err != nil {
		return nil, nil, err
	}
	return Described{descriptor, v}, b, nil
}

// decodeValue reads a value whose constructor has the type code. The upper
// half of the code is the size of the value (part 1, section 1.3).
func decodeValue(code byte, b []byte, depth int) (any, []byte, error) {
	body, rest, err := cut(code, b)
	if err != nil {
		return nil, nil, err
	}
	var v any
	switch code >> 4 {
	case 0x4, 0x5, 0x6, 0x7, 0x8, 0x9:
		v, err = fixed(code, body)
	case 0xa, 0xb:
		v, err = variable(code, body)
	case 0xc, 0xd:
		v, err = compound(code, body, depth)
	default:
		v, err = array(code, body, depth)
	}
	if err != nil {
		return nil, nil, err
	}
	return v, rest, nil
}

// cut separates the bytes of a value from what follows, without its length.
func cut(code byte, b []byte) (body, rest []byte, err error) {
	n := 0
	switch code >> 4 {
	case 0x4:
	case 0x5, 0x6, 0x7, 0x8, 0x9:
		n = 1 << (code>>4 - 5)
	case 0xa, 0xc, 0xe:
		if len(b) < 1 {
			return nil, nil, ErrShort
		}
		n, b = int(b[0]), b[1:]
	case 0xb, 0xd, 0xf:
		if len(b) < 4 {
			return nil, nil, ErrShort
		}
		size := binary.BigEndian.Uint32(b)
		b = b[4:]
		if uint64(size) > uint64(len(b)) {
			return nil, nil, ErrShort
		}
		n = int(size)
	default:
		return nil, nil, ErrCode
	}
	if n > len(b) {
		return nil, nil, ErrShort
	}
	return b[:n], b[n:], nil
}

// fixed reads a value of fixed width; cut has checked the width.
func fixed(code byte, b []byte) (any, error) {
	switch code {
	case 0x40:
		return nil, nil
	case 0x41, 0x42:
		return code == 0x41, nil
	case 0x43:
		return uint32(0), nil
	case 0x44:
		return uint64(0), nil
	case 0x45:
		return List{}, nil
	case 0x56:
		return b[0] == 1, nil
	case 0x72:
		return math.Float32frombits(binary.BigEndian.Uint32(b)), nil
	case 0x73:
		return Char(binary.BigEndian.Uint32(b)), nil // #nosec: any 32 bits are kept
	case 0x82:
		return math.Float64frombits(binary.BigEndian.Uint64(b)), nil
	case 0x83:
		return time.UnixMilli(int64(binary.BigEndian.Uint64(b))).UTC(), nil // #nosec: two's complement
	case 0x98:
		return UUID(b), nil
	case 0x74, 0x84, 0x94:
		return Decimal(b), nil
	}
	return integer(code, b)
}

func integer(code byte, b []byte) (any, error) {
	switch code {
	case 0x50:
		return b[0], nil
	case 0x51:
		return int8(b[0]), nil // #nosec: two's complement
	case 0x52:
		return uint32(b[0]), nil
	case 0x53:
		return uint64(b[0]), nil
	case 0x54:
		return int32(int8(b[0])), nil // #nosec: two's complement
	case 0x55:
		return int64(int8(b[0])), nil // #nosec: two's complement
	case 0x60:
		return binary.BigEndian.Uint16(b), nil
	case 0x61:
		return int16(binary.BigEndian.Uint16(b)), nil // #nosec: two's complement
	case 0x70:
		return binary.BigEndian.Uint32(b), nil
	case 0x71:
		return int32(binary.BigEndian.Uint32(b)), nil // #nosec: two's complement
	case 0x80:
		return binary.BigEndian.Uint64(b), nil
	case 0x81:
		return int64(binary.BigEndian.Uint64(b)), nil // #nosec: two's complement
	}
	return nil, ErrCode
}

func variable(code byte, b []byte) (any, error) {
	switch code & 0x0f {
	case 0:
		return append(make([]byte, 0, len(b)), b...), nil
	case 1:
		return string(b), nil
	case 3:
		return Symbol(b), nil
	}
	return nil, ErrCode
}

// count reads the element count of a list, map or array.
func count(code byte, b []byte) (int, []byte, error) {
	if code>>4&1 == 0 { // 0xc and 0xe: one byte
		if len(b) < 1 {
			return 0, nil, ErrShort
		}
		return int(b[0]), b[1:], nil
	}
	if len(b) < 4 {
		return 0, nil, ErrShort
	}
	n := binary.BigEndian.Uint32(b)
	if n > math.MaxInt32 {
		return 0, nil, ErrLength
	}
	return int(n), b[4:], nil
}

// compound reads a list or a map. An element takes a byte at least, so that the
// count is checked against the bytes before anything is allocated.
func compound(code byte, b []byte, depth int) (any, error) {
	n, b, err := count(code, b)
	if err != nil {
		return nil, err
	}
	if n > len(b) {
		return nil, ErrLength
	}
	switch code & 0x0f {
	case 0:
		return list(n, b, depth)
	case 1:
		return pairs(n, b, depth)
	}
	return nil, ErrCode
}

func list(n int, b []byte, depth int) (List, error) {
	l := make(List, n)
	for i := range l {
		var err error
		if l[i], b, err = decode(b, depth+1); err != nil {
			return nil, err
		}
	}
	if len(b) > 0 {
		return nil, ErrLength
	}
	return l, nil
}

func pairs(n int, b []byte, depth int) (Map, error) {
	if n%2 != 0 {
		return nil, ErrLength
	}
	m := make(Map, n/2)
	for i := range m {
		var err error
		if m[i].Key, b, err = decode(b, depth+1); err != nil {
			return nil, err
		}
		if m[i].Value, b, err = decode(b, depth+1); err != nil {
			return nil, err
		}
	}
	if len(b) > 0 {
		return nil, ErrLength
	}
	return m, nil
}

// array reads elements that share one constructor.
func array(code byte, b []byte, depth int) (any, error) {
	if code&0x0f != 0 {
		return nil, ErrCode
	}
	n, b, err := count(code, b)
	if err != nil {
		return nil, err
	}
	descriptor, elem, b, err := constructor(b, depth)
	if err != nil {
		return nil, err
	}
	if n > len(b) && (elem>>4 != 4 || n > maxEmpty) {
		return nil, ErrLength
	}
	a := make(Array, n)
	for i := range a {
		if a[i], b, err = decodeValue(elem, b, depth+1); err != nil {
			return nil, err
		}
		if descriptor != nil {
			a[i] = Described{descriptor, a[i]}
		}
	}
	if len(b) > 0 {
		return nil, ErrLength
	}
	return a, nil
}

// constructor reads the constructor of an array's elements.
func constructor(b []byte, depth int) (descriptor any, code byte, rest []byte, err error) {
	if depth >= maxDepth {
		return nil, 0, nil, ErrDeep
	}
	if len(b) > 0 && b[0] == 0 {
		if descriptor, b, err = decode(b[1:], depth+1); err != nil {
			return nil, 0, nil, err
		}
	}
	if len(b) == 0 {
		return nil, 0, nil, ErrShort
	}
	return descriptor, b[0], b[1:], nil
}
