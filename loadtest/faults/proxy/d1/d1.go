// Package d1 names the batches that Workers send to the local D1 server, and makes
// the faults that Cloudflare's D1 has.
package d1

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/provingground/provingground/loadtest/faults/proxy"
	"github.com/provingground/provingground/loadtest/faults/proxy/web"
)

// maxName bounds a name, which is for people and patterns.
const maxName = 120

// Protocol returns the protocol of the local D1 server. An operation is named for
// the statements of its batch: "SELECT items", "INSERT keys; UPDATE items; SELECT".
func Protocol() proxy.Protocol { return web.Protocol(name) }

// Overloaded answers as D1 does when more is queued than it will ever get to:
// nothing is executed.
func Overloaded() proxy.Effect { return proxy.Instead("overloaded", overloaded) }

func overloaded([]byte) []byte {
	const body = `{"success":false,"error":"D1 DB is overloaded. Too many requests queued."}`
	return fmt.Appendf(nil, "HTTP/1.1 500 Internal Server Error\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}

type query struct{ SQL string }

func name(r *http.Request, body []byte) string {
	var batch []query
	if err := json.Unmarshal(body, &batch); err != nil {
		var one query
		if json.Unmarshal(body, &one) != nil {
			return r.Method
		}
		batch = []query{one}
	}
	var names []string
	for _, q := range batch {
		names = append(names, label(q.SQL))
	}
	s := strings.Join(slices.Compact(names), "; ")
	return strings.ReplaceAll(s[:min(len(s), maxName)], "/", "_")
}

// label is the verb of a statement and the table it speaks of. It reads words, not
// SQL: a strange statement gets a strange name.
func label(sql string) string {
	words := strings.FieldsFunc(sql, func(r rune) bool { return strings.ContainsRune(" \t\r\n(),;", r) })
	if len(words) == 0 {
		return ""
	}
	verb, marker := strings.ToUpper(words[0]), ""
	switch verb {
	case "SELECT", "DELETE":
		marker = "FROM"
	case "INSERT":
		marker = "INTO"
	case "UPDATE":
		marker = words[0]
	}
	for i, w := range words[:len(words)-1] {
		if marker != "" && strings.EqualFold(w, marker) {
			return verb + " " + words[i+1]
		}
	}
	return verb
}
