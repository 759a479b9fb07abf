// Package filter is the language of subscription filters: expressions over the
// attributes of a message.
//
//	attributes:key                      the attribute is there
//	attributes.key = "value"            … and has this value
//	attributes.key != "value"           it has not this value, or is missing
//	hasPrefix(attributes.key, "value")  … and begins so
//	NOT e    -e    e AND e    e OR e    (e)
//
// As on the service's page "Filter messages from a subscription": AND and OR
// may not be mixed without parentheses, NOT binds strongest, operators are in
// capitals, a key with characters other than letters, digits, - and _ is
// written as a string literal. The empty filter matches everything.
package filter

import "strings"

// Filter decides about a message's attributes. The zero value matches all.
type Filter struct{ root node }

// Matches reports whether a message with these attributes passes.
func (f Filter) Matches(attributes map[string]string) bool {
	return f.root == nil || f.root.matches(attributes)
}

// node is a part of an expression.
type node interface {
	matches(attributes map[string]string) bool
}

type (
	has       struct{ key string }
	equals    struct{ key, value string }
	hasPrefix struct{ key, prefix string }
	not       struct{ of node }
	and       []node
	or        []node
)

func (n has) matches(a map[string]string) bool {
	_, ok := a[n.key]
	return ok
}

func (n equals) matches(a map[string]string) bool {
	v, ok := a[n.key]
	return ok && v == n.value
}

func (n hasPrefix) matches(a map[string]string) bool {
	v, ok := a[n.key]
	return ok && strings.HasPrefix(v, n.prefix)
}

func (n not) matches(a map[string]string) bool { return !n.of.matches(a) }

func (n and) matches(a map[string]string) bool {
	for _, part := range n {
		if !part.matches(a) {
			return false
		}
	}
	return true
}

func (n or) matches(a map[string]string) bool {
	for _, part := range n {
		if part.matches(a) {
			return true
		}
	}
	return false
}
