package postgres

import (
	"slices"
	"strings"
)

const maxName = 120

// label names the statements of a query: "BEGIN", "INSERT orders",
// "UPDATE accounts; COMMIT". It reads words, not SQL: a name is for people and
// patterns, and a strange statement gets a strange one.
func label(query []byte) string {
	var names []string
	for _, words := range statements(string(query[:min(len(query), 8<<10)])) {
		if name := statement(words); name != "" && len(names) < maxBatch {
			names = append(names, name)
		}
	}
	return join(names)
}

func join(names []string) string {
	s := strings.Join(slices.Compact(slices.Clone(names)), "; ")
	return strings.ReplaceAll(s[:min(len(s), maxName)], "/", "_")
}

func statement(words []string) string {
	if len(words) == 0 {
		return ""
	}
	verb := strings.ToUpper(words[0])
	switch verb {
	case "WITH": // the statement after the named ones
		main := slices.IndexFunc(words, func(w string) bool {
			return slices.Contains([]string{"INSERT", "UPDATE", "DELETE", "SELECT", "MERGE"}, strings.ToUpper(w))
		})
		if main > 0 {
			return statement(words[main:])
		}
	case "START":
		return "BEGIN"
	case "END":
		return "COMMIT"
	case "BEGIN", "COMMIT", "ROLLBACK", "ABORT":
		return verb
	case "SELECT", "DELETE":
		return named(verb, after(words, "FROM"))
	case "INSERT", "MERGE":
		return named(verb, after(words, "INTO"))
	}
	return named(verb, words[1:])
}

// after returns the words behind one, or all but the first.
func after(words []string, word string) []string {
	for i, w := range words {
		if strings.EqualFold(w, word) {
			return words[i+1:]
		}
	}
	return words[1:]
}

func named(verb string, words []string) string {
	for _, w := range words {
		switch strings.ToUpper(w) {
		case "ONLY", "IF", "NOT", "EXISTS", "TABLE", "UNIQUE", "INDEX", "OR", "REPLACE":
			continue
		}
		if c := w[0]; c == '_' || c|0x20 >= 'a' && c|0x20 <= 'z' {
			return verb + " " + w
		}
		break
	}
	return verb
}

// statements returns the words of each statement outside of parentheses, strings
// and comments.
func statements(query string) [][]string {
	all := [][]string{nil}
	depth := 0
	for query != "" {
		n := skipped(query)
		if n > 0 {
			query = query[n:]
			continue
		}
		n = max(1, wordLength(query))
		switch {
		case query[0] == '(':
			depth++
		case query[0] == ')':
			depth--
		case query[0] == ';':
			all = append(all, nil)
		case depth == 0 && wordLength(query) > 0:
			if word := strings.ReplaceAll(query[:n], `"`, ""); word != "" {
				all[len(all)-1] = append(all[len(all)-1], word)
			}
		}
		query = query[n:]
	}
	return all
}

// wordLength returns the length of the word, with its schema, at the front.
func wordLength(s string) int {
	n := strings.IndexFunc(s, func(r rune) bool {
		return r != '_' && r != '.' && r != '"' && r != '$' && (r < '0' || r > '9') && (r|0x20 < 'a' || r|0x20 > 'z') && r < 0x80
	})
	if n < 0 {
		return len(s)
	}
	return n
}

// skipped returns the length of the comment or string at the front.
func skipped(s string) int {
	for _, quote := range []struct{ begin, end string }{{"--", "\n"}, {"/*", "*/"}, {"'", "'"}, {"$$", "$$"}} {
		rest, ok := strings.CutPrefix(s, quote.begin)
		if !ok {
			continue
		}
		_, after, _ := strings.Cut(rest, quote.end)
		return len(s) - len(after)
	}
	return 0
}
