// Package encoding reads and writes the type system of AMQP 1.0 (OASIS AMQP
// 1.0, part 1: Types), from and to plain Go values:
//
//	null                      nil
//	boolean                   bool
//	ubyte ushort uint ulong   uint8 uint16 uint32 uint64
//	byte short int long       int8 int16 int32 int64
//	float double              float32 float64
//	decimal32 64 128          Decimal
//	char                      Char
//	timestamp                 time.Time, milliseconds
//	uuid                      UUID
//	binary string symbol      []byte string Symbol
//	list map array            List Map Array
//	described                 Described
//
// Input is not trusted: Decode never panics, never allocates more than a small
// multiple of what is really there, and refuses values nested deeper than 32.
package encoding

import "errors"

// Errors of Decode and Skip.
var (
	ErrShort    = errors.New("encoding: value is cut short")
	ErrCode     = errors.New("encoding: unknown type code")
	ErrDeep     = errors.New("encoding: value is nested too deeply")
	ErrLength   = errors.New("encoding: length field does not fit its value")
	ErrNotFound = errors.New("encoding: not the type that belongs here")
)

// maxDepth bounds recursion: messages of Service Bus need four levels.
const maxDepth = 32

// Symbol is an ASCII name from a fixed vocabulary.
type Symbol string

// Char is one Unicode character.
type Char rune

// UUID is a universally unique identifier in network byte order.
type UUID [16]byte

// Decimal is an IEEE 754 decimal of 4, 8 or 16 bytes, kept as it came.
type Decimal string

// List is a sequence of values of any types.
type List []any

// Array is a sequence of values that all have the type of the first one.
type Array []any

// Described is a value with a descriptor that says what it means.
type Described struct {
	Descriptor, Value any
}

// Entry is one key and value of a Map.
type Entry struct {
	Key, Value any
}

// Map keeps its entries in the order in which they came: keys may be of any
// type, also of types that Go cannot hash.
type Map []Entry

// Get returns the value of a key that is a string or a symbol, whichever of
// the two the sender used.
func (m Map) Get(key string) (any, bool) {
	for _, e := range m {
		if Text(e.Key) == key {
			return e.Value, true
		}
	}
	return nil, false
}

// Set returns the map with the value under key, replaced or added.
func (m Map) Set(key, value any) Map {
	for i, e := range m {
		if Text(e.Key) == Text(key) {
			m[i].Value = value
			return m
		}
	}
	return append(m, Entry{key, value})
}

// Text returns a string or symbol as string, and "" for anything else.
func Text(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case Symbol:
		return string(v)
	}
	return ""
}

// Integer returns any integer type as int64; an unsigned value beyond int64 and
// anything else is not an integer.
func Integer(v any) (int64, bool) {
	switch v := v.(type) {
	case int8:
		return int64(v), true
	case int16:
		return int64(v), true
	case int32:
		return int64(v), true
	case int64:
		return v, true
	case uint64:
		return int64(v), v < 1<<63 // #nosec: the comparison decides
	}
	return unsigned(v)
}

func unsigned(v any) (int64, bool) {
	switch v := v.(type) {
	case uint8:
		return int64(v), true
	case uint16:
		return int64(v), true
	case uint32:
		return int64(v), true
	}
	return 0, false
}

// Items returns the elements of a list or an array.
func Items(v any) []any {
	switch v := v.(type) {
	case List:
		return v
	case Array:
		return v
	}
	return nil
}
