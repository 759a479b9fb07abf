package filter

import (
	"fmt"
	"strings"
)

type kind int

const (
	end kind = iota
	word
	quotedName
	text
	number
	symbol
	parameter
)

// token is one lexical unit; at is where it begins, for error texts.
type token struct {
	kind kind
	text string
	at   int
}

func (t token) is(keyword string) bool { return t.kind == word && strings.EqualFold(t.text, keyword) }

func (t token) symbol(s string) bool { return t.kind == symbol && t.text == s }

// scan cuts an expression into tokens; the last one is end.
func scan(s string) ([]token, error) {
	if len(s) > MaxLength {
		return nil, fmt.Errorf("%w: longer than %d bytes", ErrSyntax, MaxLength)
	}
	var all []token
	for at := 0; ; {
		for at < len(s) && strings.IndexByte(" \t\r\n", s[at]) >= 0 {
			at++
		}
		t, n, err := next(s[at:])
		if err != nil {
			return nil, fmt.Errorf("%w at byte %d", err, at)
		}
		t.at = at
		all = append(all, t)
		if t.kind == end {
			return all, nil
		}
		at += n
	}
}

// next reads the token that s begins with and says how long it is.
func next(s string) (token, int, error) {
	if s == "" {
		return token{}, 0, nil
	}
	switch c := s[0]; {
	case c == '\'':
		return quoted(s, text, '\'')
	case c == '"':
		return quoted(s, quotedName, '"')
	case c == '[':
		return quoted(s, quotedName, ']')
	case digit(c) || c == '.' && len(s) > 1 && digit(s[1]):
		n := numberLength(s)
		return token{kind: number, text: s[:n]}, n, nil
	case c == '@' && len(s) > 1 && letter(s[1]):
		n := 1 + nameLength(s[1:])
		return token{kind: parameter, text: s[1:n]}, n, nil
	case letter(c):
		n := nameLength(s)
		return token{kind: word, text: s[:n]}, n, nil
	}
	for _, op := range []string{"<>", "!=", "<=", ">=", "=", "<", ">", "+", "-", "*", "/", "%", "(", ")", ",", ".", ";"} {
		if strings.HasPrefix(s, op) {
			return token{kind: symbol, text: op}, len(op), nil
		}
	}
	return token{}, 0, fmt.Errorf("%w: unexpected %q", ErrSyntax, s[0])
}

// quoted reads up to the closing quote; a doubled one stands for itself.
func quoted(s string, k kind, closing byte) (token, int, error) {
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		if s[i] != closing {
			b.WriteByte(s[i])
			continue
		}
		if i+1 < len(s) && s[i+1] == closing {
			b.WriteByte(closing)
			i++
			continue
		}
		return token{kind: k, text: b.String()}, i + 1, nil
	}
	return token{}, 0, fmt.Errorf("%w: %c without its end", ErrSyntax, s[0])
}

func nameLength(s string) int {
	n := 0
	for n < len(s) && (letter(s[n]) || digit(s[n])) {
		n++
	}
	return n
}

// numberLength accepts 12, 1.5, .5, 1e-3 and 0x1F.
func numberLength(s string) int {
	if len(s) > 2 && s[0] == '0' && (s[1] == 'x' || s[1] == 'X') {
		return 2 + nameLength(s[2:])
	}
	n := 0
	for n < len(s) && (digit(s[n]) || s[n] == '.' || letter(s[n]) || exponentSign(s, n)) {
		n++
	}
	return n
}

func exponentSign(s string, n int) bool {
	return (s[n] == '+' || s[n] == '-') && n > 0 && (s[n-1] == 'e' || s[n-1] == 'E')
}

func digit(c byte) bool { return c >= '0' && c <= '9' }

// letter accepts every byte of a character beyond ASCII.
func letter(c byte) bool {
	return c == '_' || c == '$' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}
