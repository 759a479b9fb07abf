package broker

import (
	"github.com/provingground/provingground/pkg/servicebustest/encoding"
	"github.com/provingground/provingground/pkg/servicebustest/filter"
	"github.com/provingground/provingground/pkg/servicebustest/message"
)

// fanOut gives a message to every subscription with a rule that matches. One
// that none wants vanishes, as in the service.
func (e *entity) fanOut(in incoming) int64 {
	e.sequence++
	e.recordSequence()
	if in.first == 0 {
		in.first = e.sequence
	}
	var properties *filter.Properties
	for _, s := range e.children {
		for _, copied := range s.matching(in, &properties) {
			s.receive(copied)
		}
	}
	return e.sequence
}

// receive takes a copy into a subscription.
func (e *entity) receive(in incoming) {
	if e.hasSessions() && !in.hasID {
		e.dead.bury(in, e.name, "Session ID is null.", "Session enabled entity doesn't allow a message whose session identifier is null.", nil)
		return
	}
	e.publish(in)
}

// matching returns the copies of a message that a subscription takes: one if
// any rule without an action matches, and one for each matching rule with one.
// The properties are read once for all subscriptions, if any needs them.
func (e *entity) matching(in incoming, properties **filter.Properties) []incoming {
	var copies []incoming
	plain := false
	for _, r := range e.rules {
		if r.needsProperties() && *properties == nil {
			p := propertiesOf(in.Message)
			*properties = &p
		}
		switch {
		case !r.matches(*properties):
		case r.action != nil:
			copies = append(copies, r.act(in, **properties))
		case !plain:
			plain = true
			copies = append(copies, in)
		}
	}
	return copies
}

// act returns the message as the action of a rule changes it.
func (r *rule) act(in incoming, p filter.Properties) incoming {
	p = p.Clone()
	r.action.Apply(&p)
	in.Message = withProperties(in.Message, p)
	id, ok := p.System["sessionid"].(string)
	in.session, in.hasID = id, ok
	return in
}

// systemProperties are the names in filters by their place in the properties
// section.
func systemProperties() map[string]int {
	return map[string]int{
		"messageid": message.PropertyMessageID, "to": message.PropertyTo, "label": message.PropertySubject,
		"replyto": message.PropertyReplyTo, "correlationid": message.PropertyCorrelationID,
		"contenttype": message.PropertyContentType, "sessionid": message.PropertyGroupID,
		"replytosessionid": message.PropertyReplyToGroupID,
	}
}

func propertiesOf(m message.Message) filter.Properties {
	parts := m.Parts()
	p := filter.Properties{System: map[string]any{}, User: map[string]any{}}
	for name, i := range systemProperties() {
		switch v := parts.Properties.At(i).(type) {
		case nil:
		case encoding.Symbol:
			p.System[name] = string(v)
		default:
			p.System[name] = v
		}
	}
	for _, e := range parts.Application {
		p.User[encoding.Text(e.Key)] = e.Value
	}
	return p
}

// withProperties writes back what an action may have changed, in the order in
// which properties were.
func withProperties(m message.Message, p filter.Properties) message.Message {
	parts := m.Parts()
	for name, i := range systemProperties() {
		v := p.System[name]
		if was := parts.Properties.At(i); v == nil && was == nil || encoding.Text(was) != "" && encoding.Text(was) == v {
			continue // also keeps symbols symbols
		}
		parts.Properties = message.SetProperty(parts.Properties, i, v)
	}
	var kept encoding.Map
	for _, e := range parts.Application {
		if v, ok := p.User[encoding.Text(e.Key)]; ok {
			kept = append(kept, encoding.Entry{Key: e.Key, Value: v})
			delete(p.User, encoding.Text(e.Key))
		}
	}
	for name, v := range p.User {
		kept = append(kept, encoding.Entry{Key: name, Value: v})
	}
	parts.Application = kept
	return m.With(parts)
}
