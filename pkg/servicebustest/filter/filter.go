// Package filter decides which messages a subscription takes: correlation
// filters, and the SQL-like conditions and actions of Service Bus.
//
// A condition has three values: TRUE, FALSE and unknown. A property that is not
// there, a comparison of a number with a string, a division by zero are
// unknown; NOT unknown is unknown, FALSE AND unknown is FALSE, TRUE OR unknown
// is TRUE. A message matches when the whole is TRUE.
//
// Grammar: https://learn.microsoft.com/azure/service-bus-messaging/service-bus-messaging-sql-filter
// and …-sql-rule-action. Missing: the functions newid() and property().
package filter

import (
	"errors"
	"fmt"
	"maps"
	"strings"
)

// Limits of an expression, so that nobody's filter costs much.
const (
	MaxLength = 4096 // bytes
	maxDepth  = 64   // nested operators and parentheses
	maxItems  = 256  // values of an IN list, statements of an action
)

// ErrSyntax is what ParseCondition and ParseAction wrap.
var ErrSyntax = errors.New("filter: syntax")

// Properties are the properties of a message that filters see and actions
// change. Keys of System are the lower-case names of the service: messageid,
// sessionid, to, label, replyto, correlationid, contenttype, replytosessionid.
type Properties struct {
	System map[string]any
	User   map[string]any
}

// Clone returns properties that can be changed without touching p.
func (p Properties) Clone() Properties {
	return Properties{maps.Clone(p.System), maps.Clone(p.User)}
}

// name is a property in an expression.
type name struct {
	system bool
	text   string
}

// systemName returns the key in Properties.System of a system property, whose
// name ignores case.
func systemName(s string) (string, bool) {
	switch s = strings.ToLower(s); s {
	case "messageid", "sessionid", "to", "label", "replyto", "correlationid", "contenttype", "replytosessionid":
		return s, true
	case "subject":
		return "label", true
	}
	return "", false
}

// newName resolves the scope of a property: sys. or user., default user.
func newName(scope, text string) (name, error) {
	switch strings.ToLower(scope) {
	case "", "user":
		return name{false, text}, nil
	case "sys":
		key, ok := systemName(text)
		if !ok {
			return name{}, fmt.Errorf("%w: no system property %q", ErrSyntax, text)
		}
		return name{true, key}, nil
	}
	return name{}, fmt.Errorf("%w: no scope %q", ErrSyntax, scope)
}

// find returns the key and value of a property. Names ignore case; the exact
// spelling wins.
func (n name) find(p Properties) (key string, v any, ok bool) {
	if n.system {
		v, ok = p.System[n.text]
		return n.text, normal(v), ok
	}
	if v, ok = p.User[n.text]; ok {
		return n.text, normal(v), true
	}
	for key, v := range p.User {
		if strings.EqualFold(key, n.text) {
			return key, normal(v), true
		}
	}
	return n.text, nil, false
}
