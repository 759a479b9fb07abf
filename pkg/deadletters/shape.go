package deadletters

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	shapeLimit = 200 // bytes
	shapeDepth = 4
)

// Shape says what a body looks like, without what it says: the fields of JSON with
// their types, sorted, such as {"account":string,"units":number}; "text" or "binary"
// of anything else. Bodies that broke for one reason usually have one shape.
func Shape(body []byte) string {
	var value any
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	switch {
	case len(body) == 0:
		return "empty"
	case dec.Decode(&value) == nil && !dec.More():
		var b strings.Builder
		writeShape(&b, value, 0)
		return clip(b.String())
	case utf8.Valid(body) && !bytes.ContainsRune(body, 0):
		return "text"
	}
	return "binary"
}

func clip(s string) string {
	if len(s) <= shapeLimit {
		return s
	}
	return strings.ToValidUTF8(s[:shapeLimit], "") + "…"
}

func writeShape(b *strings.Builder, value any, depth int) {
	switch v := value.(type) {
	case nil:
		b.WriteString("null")
	case bool:
		b.WriteString("bool")
	case json.Number:
		b.WriteString("number")
	case string:
		b.WriteString("string")
	case []any:
		writeArray(b, v, depth)
	case map[string]any:
		writeObject(b, v, depth)
	}
}

func writeArray(b *strings.Builder, v []any, depth int) {
	b.WriteByte('[')
	if len(v) > 0 && depth < shapeDepth { // of one element: arrays are of one kind, mostly
		writeShape(b, v[0], depth+1)
	}
	b.WriteByte(']')
}

func writeObject(b *strings.Builder, v map[string]any, depth int) {
	b.WriteByte('{')
	for i, name := range slices.Sorted(maps.Keys(v)) {
		if b.Len() > shapeLimit || depth >= shapeDepth {
			b.WriteString("…")
			break
		}
		if i > 0 {
			b.WriteByte(',')
		}
		quoted, err := json.Marshal(strings.ReplaceAll(name, "\x00", "")) // PostgreSQL's text has none
		if err != nil {                                                   // a string: it cannot fail
			continue
		}
		b.Write(quoted)
		b.WriteByte(':')
		writeShape(b, v[name], depth+1)
	}
	b.WriteByte('}')
}
