package encoding

// Fields are the fields of a composite value. A field that is absent, null or
// of another type reads as the default.
type Fields []any

// DecodeComposite reads a described list and returns its descriptor code and
// fields. Descriptors that are symbols are not looked up: no client sends them.
func DecodeComposite(b []byte) (code uint64, fields Fields, rest []byte, err error) {
	v, rest, err := Decode(b)
	if err != nil {
		return 0, nil, nil, err
	}
	code, fields, ok := Composite(v)
	if !ok {
		return 0, nil, nil, ErrNotFound
	}
	return code, fields, rest, nil
}

// Composite takes a decoded value apart; it is false for anything that is not
// a list described by a number.
func Composite(v any) (code uint64, fields Fields, ok bool) {
	d, _ := v.(Described)
	code, ok = d.Descriptor.(uint64)
	if !ok {
		return 0, nil, false
	}
	l, ok := d.Value.(List)
	return code, Fields(l), ok
}

// At returns field i, or nil.
func (f Fields) At(i int) any {
	if i >= len(f) {
		return nil
	}
	return f[i]
}

// Has says whether field i is there and not null.
func (f Fields) Has(i int) bool { return f.At(i) != nil }

// Uint32 returns field i, or otherwise.
func (f Fields) Uint32(i int, otherwise uint32) uint32 {
	if v, ok := f.At(i).(uint32); ok {
		return v
	}
	return otherwise
}

// Bool returns field i, or false.
func (f Fields) Bool(i int) bool {
	v, _ := f.At(i).(bool)
	return v
}

// Text returns field i if it is a string or a symbol, or "".
func (f Fields) Text(i int) string { return Text(f.At(i)) }

// Map returns field i, or nil.
func (f Fields) Map(i int) Map {
	m, _ := f.At(i).(Map)
	return m
}
