package admin

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/provingground/provingground/pkg/servicebustest/broker"
)

func findRule(b *broker.Broker, t target) (broker.Rule, bool) {
	rules, err := b.Rules(t.entity())
	if err != nil {
		return broker.Rule{}, false
	}
	for _, r := range rules {
		if strings.EqualFold(r.Name, t.rule) {
			return r, true
		}
	}
	return broker.Rule{}, false
}

func putRule(b *broker.Broker, r *http.Request, t target, x element, update bool) (reply, error) {
	rule, err := readRule(x, t.rule)
	if err != nil {
		return reply{}, err
	}
	status := http.StatusCreated
	if update {
		status = http.StatusOK
		err = b.ReplaceRule(t.entity(), rule)
	} else {
		err = b.AddRule(t.entity(), rule)
	}
	if err != nil {
		return reply{}, err
	}
	rule, _ = findRule(b, t)
	return one(r, status, ruleEntry(t, rule)), nil
}

// defaultRule reads the rule that a new subscription begins with, if it says.
func defaultRule(x element) ([]broker.Rule, error) {
	d, ok := x.child("DefaultRuleDescription")
	if !ok || d.nilled() {
		return nil, nil
	}
	name := d.text("Name")
	if name == "" {
		name = broker.DefaultRule
	}
	r, err := readRule(d, name)
	return []broker.Rule{r}, err
}

func readRule(x element, name string) (broker.Rule, error) {
	f, _ := x.child("Filter")
	filter, err := readFilter(f)
	if err != nil {
		return broker.Rule{}, err
	}
	r := broker.Rule{Name: name, Filter: filter}
	a, ok := x.child("Action")
	switch {
	case !ok || a.nilled() || a.kind() == "EmptyRuleAction":
	case a.kind() == "SqlRuleAction":
		r.Action = a.text("SqlExpression")
		parameters, _ := a.child("Parameters")
		r.Parameters, err = readValues(parameters)
	default:
		r.RawAction = a.outer()
	}
	return r, err
}

func readFilter(f element) (broker.Filter, error) {
	switch f.kind() {
	case "TrueFilter", "":
		return broker.Filter{Kind: broker.TrueFilter}, nil
	case "FalseFilter":
		return broker.Filter{Kind: broker.FalseFilter}, nil
	case "SqlFilter":
		parameters, _ := f.child("Parameters")
		values, err := readValues(parameters)
		return broker.Filter{Kind: broker.SQLFilter, SQL: f.text("SqlExpression"), Parameters: values}, err
	case "CorrelationFilter":
		return readCorrelation(f)
	}
	return broker.Filter{Kind: broker.UnknownFilter, Raw: f.outer()}, nil
}

// correlationElements are the elements of a correlation filter in order; in
// lower case they are the names in filters.
func correlationElements() []string {
	return []string{"CorrelationId", "MessageId", "To", "ReplyTo", "Label", "SessionId", "ReplyToSessionId", "ContentType"}
}

func readCorrelation(f element) (broker.Filter, error) {
	c := broker.Correlation{System: map[string]string{}}
	for _, name := range correlationElements() {
		if v, ok := f.child(name); ok && !v.nilled() {
			c.System[strings.ToLower(name)] = v.Text
		}
	}
	properties, _ := f.child("Properties")
	values, err := readValues(properties)
	c.User = values
	return broker.Filter{Kind: broker.CorrelationFilter, Correlation: c}, err
}

func ruleEntry(t target, r broker.Rule) entry {
	fields := writeFilter(r.Filter) + writeAction(r) +
		fmt.Sprintf("<Name>%s</Name><CreatedAt>%s</CreatedAt>", escape(r.Name), r.Created.Format(timeFormat))
	return entry{t.entity() + "/Rules/" + r.Name, r.Name, r.Created, r.Created, "RuleDescription", fields}
}

const compatibility = "<CompatibilityLevel>20</CompatibilityLevel>"

func writeFilter(f broker.Filter) string {
	open := func(kind string) string { return fmt.Sprintf(`<Filter i:type="%s">`, kind) }
	switch f.Kind {
	case broker.SQLFilter:
		return open("SqlFilter") + "<SqlExpression>" + escape(f.SQL) + "</SqlExpression>" + compatibility + writeValues("Parameters", f.Parameters) + "</Filter>"
	case broker.FalseFilter:
		return open("FalseFilter") + "<SqlExpression>1=0</SqlExpression>" + compatibility + "</Filter>"
	case broker.CorrelationFilter:
		var b strings.Builder
		for _, name := range correlationElements() {
			if v, ok := f.Correlation.System[strings.ToLower(name)]; ok {
				fmt.Fprintf(&b, "<%s>%s</%s>", name, escape(v), name)
			}
		}
		return open("CorrelationFilter") + b.String() + writeValues("Properties", f.Correlation.User) + "</Filter>"
	case broker.UnknownFilter:
		return f.Raw
	case broker.TrueFilter:
	}
	return open("TrueFilter") + "<SqlExpression>1=1</SqlExpression>" + compatibility + "</Filter>"
}

func writeAction(r broker.Rule) string {
	switch {
	case r.RawAction != "":
		return r.RawAction
	case r.Action == "":
		return `<Action i:type="EmptyRuleAction"/>`
	}
	return `<Action i:type="SqlRuleAction"><SqlExpression>` + escape(r.Action) + "</SqlExpression>" + compatibility +
		writeValues("Parameters", r.Parameters) + "</Action>"
}
