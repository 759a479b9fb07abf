package broker

import (
	"encoding/json"
	"time"

	"github.com/provingground/provingground/pkg/servicebustest/encoding"
	"github.com/provingground/provingground/pkg/servicebustest/filter"
)

// DefaultRule is the name of the rule of a subscription that was made without
// rules.
const DefaultRule = "$Default"

// FilterKind is the kind of a filter.
type FilterKind string

// Kinds of filters. An unknown one is kept as it came and never matches.
const (
	TrueFilter        FilterKind = "True"
	FalseFilter       FilterKind = "False"
	SQLFilter         FilterKind = "Sql"
	CorrelationFilter FilterKind = "Correlation"
	UnknownFilter     FilterKind = "Unknown"
)

// Filter says which messages a rule matches.
type Filter struct {
	Kind        FilterKind
	SQL         string      `json:",omitempty"`
	Parameters  Values      `json:",omitempty"` // of SQL, with their @
	Correlation Correlation `json:"Correlation"`
	Raw         string      `json:",omitempty"` // an unknown filter
}

// Correlation is a correlation filter: see filter.Correlation.
type Correlation struct {
	System map[string]string `json:",omitempty"`
	User   Values            `json:",omitempty"`
}

// Rule is a filter of a subscription, and what happens to messages that match.
type Rule struct {
	Name       string
	Filter     Filter
	Action     string // SQL, or ""
	Parameters Values `json:",omitempty"` // of the action, with their @
	RawAction  string `json:",omitempty"` // an unknown action: kept, does nothing
	Created    time.Time
}

// Values are typed values by name. In JSON they are one AMQP map, which keeps
// the types.
type Values map[string]any

// MarshalJSON writes the values as the bytes of an AMQP map.
func (v Values) MarshalJSON() ([]byte, error) {
	return json.Marshal(encoding.Append(nil, map[string]any(v)))
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (v *Values) UnmarshalJSON(b []byte) error {
	var raw []byte
	if err := json.Unmarshal(b, &raw); err != nil {
		return err
	}
	decoded, _, err := encoding.Decode(raw)
	m, ok := decoded.(encoding.Map)
	if err != nil || !ok {
		return encoding.ErrNotFound
	}
	*v = Values{}
	for _, e := range m {
		(*v)[encoding.Text(e.Key)] = e.Value
	}
	return nil
}

// rule is a Rule that can be applied.
type rule struct {
	Rule
	condition *filter.Condition
	action    *filter.Action
}

func newRule(r Rule) (*rule, error) {
	c := &rule{Rule: r}
	if err := checkRuleName(r.Name); err != nil {
		return nil, err
	}
	var err error
	if r.Filter.Kind == SQLFilter {
		if c.condition, err = filter.ParseCondition(r.Filter.SQL, r.Filter.Parameters); err != nil {
			return nil, errorf(ArgumentError, "The filter of rule '%s' is not valid: %v.", r.Name, err)
		}
	}
	if r.Action != "" {
		if c.action, err = filter.ParseAction(r.Action, r.Parameters); err != nil {
			return nil, errorf(ArgumentError, "The action of rule '%s' is not valid: %v.", r.Name, err)
		}
	}
	return c, nil
}

func checkRuleName(name string) error {
	if name == DefaultRule {
		return nil
	}
	return checkName(name, 50)
}

func (r *rule) needsProperties() bool {
	return r.action != nil || r.Filter.Kind == SQLFilter || r.Filter.Kind == CorrelationFilter
}

func (r *rule) matches(p *filter.Properties) bool {
	switch r.Filter.Kind {
	case TrueFilter, "":
		return true
	case SQLFilter:
		return r.condition.Match(*p)
	case CorrelationFilter:
		return filter.Correlation{System: r.Filter.Correlation.System, User: r.Filter.Correlation.User}.Match(*p)
	case FalseFilter, UnknownFilter:
	}
	return false
}
