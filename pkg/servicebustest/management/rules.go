package management

import (
	"github.com/provingground/provingground/pkg/servicebustest/broker"
	"github.com/provingground/provingground/pkg/servicebustest/encoding"
)

// Descriptors of rules. Those of filters have one zero less: a SQL filter and a
// SQL action do not share their number.
const (
	codeRule        = 0x13700000004
	codeEmptyAction = 0x13700000005
	codeSQLAction   = 0x13700000006
	codeSQLFilter   = 0x1370000006
	codeTrue        = 0x1370000007
	codeFalse       = 0x1370000008
	codeCorrelation = 0x1370000009
)

func addRule(b *broker.Broker, path string, a arguments) (encoding.Map, error) {
	description := arguments{a.mapping("rule-description")}
	r := broker.Rule{Name: a.text("rule-name"), Action: arguments{description.mapping("sql-rule-action")}.text("expression")}
	switch {
	case description.get("sql-filter") != nil:
		r.Filter = broker.Filter{Kind: broker.SQLFilter, SQL: arguments{description.mapping("sql-filter")}.text("expression")}
	case description.get("correlation-filter") != nil:
		r.Filter = broker.Filter{Kind: broker.CorrelationFilter, Correlation: correlation(description.mapping("correlation-filter"))}
	default:
		r.Filter = broker.Filter{Kind: broker.TrueFilter}
	}
	return done(), b.AddRule(path, r)
}

// correlationKeys are the keys of a correlation filter in a request, in the
// order of its described form, with the names in filters.
func correlationKeys() [][2]string {
	return [][2]string{
		{"correlation-id", "correlationid"},
		{"message-id", "messageid"},
		{"to", "to"},
		{"reply-to", "replyto"},
		{"label", "label"},
		{"session-id", "sessionid"},
		{"reply-to-session-id", "replytosessionid"},
		{"content-type", "contenttype"},
	}
}

func correlation(m encoding.Map) broker.Correlation {
	c := broker.Correlation{System: map[string]string{}, User: broker.Values{}}
	for _, key := range correlationKeys() {
		if v, ok := m.Get(key[0]); ok && v != nil {
			c.System[key[1]] = encoding.Text(v)
		}
	}
	properties, _ := m.Get("properties")
	user, _ := properties.(encoding.Map)
	for _, e := range user {
		c.User[encoding.Text(e.Key)] = e.Value
	}
	return c
}

func removeRule(b *broker.Broker, path string, a arguments) (encoding.Map, error) {
	return done(), b.RemoveRule(path, a.text("rule-name"))
}

func enumerateRules(b *broker.Broker, path string, a arguments) (encoding.Map, error) {
	all, err := b.Rules(path)
	if err != nil {
		return nil, err
	}
	from, to := a.page(len(all))
	if from == to {
		return nil, nil
	}
	list := encoding.List{}
	for _, r := range all[from:to] {
		list = append(list, encoding.Map{{Key: "rule-description", Value: describe(r)}})
	}
	return encoding.Map{{Key: "rules", Value: list}}, nil
}

func describe(r broker.Rule) encoding.Described {
	action := described(codeEmptyAction)
	if r.Action != "" {
		action = described(codeSQLAction, r.Action, int32(20))
	}
	return described(codeRule, describeFilter(r.Filter), action, r.Name, r.Created)
}

func describeFilter(f broker.Filter) encoding.Described {
	switch f.Kind {
	case broker.SQLFilter:
		return described(codeSQLFilter, f.SQL, int32(20))
	case broker.CorrelationFilter:
		return described(codeCorrelation, correlationFields(f.Correlation)...)
	case broker.FalseFilter, broker.UnknownFilter:
		return described(codeFalse)
	case broker.TrueFilter:
	}
	return described(codeTrue)
}

func correlationFields(c broker.Correlation) []any {
	var fields []any
	for _, key := range correlationKeys() {
		if v, ok := c.System[key[1]]; ok {
			fields = append(fields, v)
			continue
		}
		fields = append(fields, nil)
	}
	return append(fields, map[string]any(c.User))
}

func described(code uint64, fields ...any) encoding.Described {
	return encoding.Described{Descriptor: code, Value: encoding.List(fields)}
}
