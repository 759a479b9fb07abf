package servicebusdlq

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// A Change is one place where a repair differs from what died; empty is not there.
type Change struct {
	Path   string `json:"path"` // such as $.amount; $ is the whole body
	Before string `json:"before,omitempty"`
	After  string `json:"after,omitempty"`
}

// diff compares two bodies field by field where both are JSON objects, else as a
// whole.
func diff(before, after []byte) []Change {
	was, is := map[string]string{}, map[string]string{}
	flatten("$", before, was)
	flatten("$", after, is)
	all := maps.Clone(was)
	maps.Copy(all, is)
	changes := []Change{}
	for _, path := range slices.Sorted(maps.Keys(all)) {
		if was[path] != is[path] {
			changes = append(changes, Change{path, was[path], is[path]})
		}
	}
	return changes
}

// flatten names the values of a body by their paths. Objects within objects within
// objects are not taken apart for ever: a body is somebody else's.
func flatten(path string, raw []byte, into map[string]string) {
	const deepest = 20
	var fields map[string]json.RawMessage
	if strings.Count(path, ".") >= deepest || json.Unmarshal(raw, &fields) != nil || fields == nil {
		into[path] = plain(raw)
		return
	}
	for name, value := range fields {
		flatten(path+"."+name, value, into)
	}
}

// plain is a value without what does not matter in JSON, or as it is.
func plain(raw []byte) string {
	var compact bytes.Buffer
	if json.Compact(&compact, raw) == nil {
		return compact.String()
	}
	return fmt.Sprintf("%q", raw)
}
