package admin

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/provingground/provingground/pkg/servicebustest/broker"
)

// readValues reads typed values by name: the parameters of an expression or the
// properties of a correlation filter.
func readValues(x element) (broker.Values, error) {
	values := broker.Values{}
	for _, pair := range x.Children {
		v, ok := pair.child("Value")
		if !ok {
			continue
		}
		parsed, err := readValue(v.kind(), v.Text)
		if err != nil {
			return nil, badRequest("The value of '%s': %v.", pair.text("Key"), err)
		}
		values[pair.text("Key")] = parsed
	}
	if len(values) == 0 {
		return nil, nil
	}
	return values, nil
}

func readValue(kind, text string) (any, error) {
	switch kind {
	case "string", "":
		return text, nil
	case "int", "long", "short", "byte":
		return strconv.ParseInt(text, 10, 64)
	case "double", "float", "decimal":
		return strconv.ParseFloat(text, 64)
	case "boolean":
		return strconv.ParseBool(text)
	case "dateTime":
		t, err := time.Parse(time.RFC3339Nano, text)
		return t.UTC(), err
	}
	return text, nil // a duration, say, compares as it is written
}

func writeValues(name string, values broker.Values) string {
	if len(values) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString("<" + name + ">")
	for _, key := range slices.Sorted(maps.Keys(values)) {
		kind, text := writeValue(values[key])
		fmt.Fprintf(&b, `<KeyValueOfstringanyType><Key>%s</Key><Value xmlns:l28="%s" i:type="l28:%s">%s</Value></KeyValueOfstringanyType>`,
			escape(key), nsSchema, kind, escape(text))
	}
	b.WriteString("</" + name + ">")
	return b.String()
}

func writeValue(v any) (kind, text string) {
	switch v := v.(type) {
	case string:
		return "string", v
	case bool:
		return "boolean", strconv.FormatBool(v)
	case float64:
		return "double", strconv.FormatFloat(v, 'g', -1, 64)
	case time.Time:
		return "dateTime", v.Format(time.RFC3339Nano)
	}
	return "int", fmt.Sprint(v)
}
