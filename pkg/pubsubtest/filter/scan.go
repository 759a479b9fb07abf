package filter

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

type kind int

const (
	end kind = iota
	word
	literal // a string, without its quotation marks
	symbol
)

type token struct {
	kind   kind
	text   string
	offset int
}

func (t token) unexpected(want string) error {
	if t.kind == end {
		return fmt.Errorf("byte %d: the filter ends, want %s", t.offset, want)
	}
	return fmt.Errorf("byte %d: %q, want %s", t.offset, t.text, want)
}

// scan cuts a filter into tokens; the last is end.
func scan(text string) ([]token, error) {
	var tokens []token
	for at := 0; at < len(text); {
		switch c := text[at]; {
		case strings.IndexByte(" \t\r\n", c) >= 0:
			at++
		case c == '"':
			t, size, err := scanString(text, at)
			if err != nil {
				return nil, err
			}
			tokens = append(tokens, t)
			at += size
		case strings.HasPrefix(text[at:], "!="):
			tokens = append(tokens, token{symbol, "!=", at})
			at += 2
		case strings.IndexByte("=:.,()", c) >= 0:
			tokens = append(tokens, token{symbol, text[at : at+1], at})
			at++
		case c == '-' && !inKey(tokens):
			tokens = append(tokens, token{symbol, "-", at})
			at++
		case isWord(c):
			size := 1
			for at+size < len(text) && isWord(text[at+size]) {
				size++
			}
			tokens = append(tokens, token{word, text[at : at+size], at})
			at += size
		default:
			r, _ := utf8.DecodeRuneInString(text[at:])
			return nil, fmt.Errorf("byte %d: unexpected %q", at, r)
		}
	}
	return append(tokens, token{kind: end, offset: len(text)}), nil
}

// inKey reports whether a key comes next, which may begin with a hyphen.
func inKey(tokens []token) bool {
	if len(tokens) == 0 {
		return false
	}
	last := tokens[len(tokens)-1]
	return last.kind == symbol && (last.text == "." || last.text == ":")
}

func isWord(c byte) bool {
	return c == '-' || c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// scanString reads a literal with the escapes that the service documents:
// backslash, quotation mark, non-printing characters, \u, \x and octal.
func scanString(text string, at int) (token, int, error) {
	for i := at + 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			value, err := strconv.Unquote(text[at : i+1])
			if err != nil || !utf8.ValidString(value) {
				return token{}, 0, fmt.Errorf("byte %d: invalid string %s", at, text[at:i+1])
			}
			return token{literal, value, at}, i + 1 - at, nil
		}
	}
	return token{}, 0, fmt.Errorf("byte %d: the string does not end", at)
}
