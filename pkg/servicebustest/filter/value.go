package filter

import (
	"cmp"
	"reflect"
	"time"
)

// normal brings a value to the types that conditions know: every integer to
// int64 where it fits, every float to float64.
func normal(v any) any {
	switch v := v.(type) {
	case float32:
		return float64(v)
	case int:
		return int64(v)
	case int8:
		return int64(v)
	case int16:
		return int64(v)
	case int32:
		return int64(v)
	case uint8:
		return int64(v)
	case uint16:
		return int64(v)
	case uint32:
		return int64(v)
	case uint64:
		if v < 1<<63 {
			return int64(v) // #nosec: the comparison decides
		}
		return float64(v)
	}
	return v
}

func asFloat(v any) (float64, bool) {
	switch v := v.(type) {
	case int64:
		return float64(v), true
	case float64:
		return v, true
	}
	return 0, false
}

// equal is true, false, or nil when the two cannot be compared.
func equal(a, b any) any {
	if a == nil || b == nil {
		return nil
	}
	if order, ok := compare(a, b); ok {
		return order == 0
	}
	if reflect.TypeOf(a) != reflect.TypeOf(b) {
		return nil
	}
	return reflect.DeepEqual(a, b)
}

// compare orders two values of one kind: numbers, strings, times.
func compare(a, b any) (int, bool) {
	switch a := a.(type) {
	case string:
		b, ok := b.(string)
		return cmp.Compare(a, b), ok
	case time.Time:
		b, ok := b.(time.Time)
		return a.Compare(b), ok
	case int64:
		if b, ok := b.(int64); ok {
			return cmp.Compare(a, b), true
		}
	}
	x, ok := asFloat(a)
	y, alsoOK := asFloat(b)
	return cmp.Compare(x, y), ok && alsoOK
}
