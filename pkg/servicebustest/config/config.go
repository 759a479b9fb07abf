// Package config reads the Config.json of Microsoft's Service Bus emulator, with
// the comments that its own sample has:
// https://learn.microsoft.com/azure/service-bus-messaging/test-locally-with-service-bus-emulator
package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/provingground/provingground/pkg/servicebustest/broker"
)

// maxSize bounds a configuration, in bytes.
const maxSize = 4 << 20

// Namespace has the entities of a namespace.
type Namespace struct {
	Name   string
	Queues []Queue
	Topics []Topic
}

// Queue is a queue of a configuration.
type Queue struct {
	Name       string
	Properties Properties
}

// Topic is a topic of a configuration.
type Topic struct {
	Name          string
	Properties    Properties
	Subscriptions []Subscription
}

// Subscription is a subscription of a configuration.
type Subscription struct {
	Name       string
	Properties Properties
	Rules      []Rule
}

// Properties of an entity. Those that are absent take the defaults of the
// emulator, which are not those of the service: 3 deliveries, and messages live
// for an hour.
type Properties struct {
	DeadLetteringOnMessageExpiration    bool
	DefaultMessageTimeToLive            *Duration
	DuplicateDetectionHistoryTimeWindow *Duration
	ForwardDeadLetteredMessagesTo       string
	ForwardTo                           string
	LockDuration                        *Duration
	MaxDeliveryCount                    int
	RequiresDuplicateDetection          bool
	RequiresSession                     bool
}

// Rule is a rule of a subscription.
type Rule struct {
	Name       string
	Properties RuleProperties
}

// RuleProperties are the filter and the action of a rule.
type RuleProperties struct {
	FilterType        string // Correlation or Sql
	CorrelationFilter CorrelationFilter
	SQLFilter         SQL `json:"SqlFilter"`
	Action            SQL
}

// CorrelationFilter has the properties that a message must have.
type CorrelationFilter struct {
	ContentType, CorrelationID, Label, MessageID, ReplyTo, ReplyToSessionID, SessionID, To string

	Properties map[string]any
}

// SQL is an expression.
type SQL struct {
	SQLExpression string `json:"SqlExpression"`
}

// file is the whole file.
type file struct {
	UserConfig struct {
		Namespaces []Namespace
		Logging    struct{ Type string }
	}
}

// Parse reads a configuration. It has one namespace, as the emulator has. A
// property that is not known is an error: a misspelt one must not be ignored.
func Parse(r io.Reader) (Namespace, error) {
	raw, err := io.ReadAll(io.LimitReader(r, maxSize+1))
	if err != nil {
		return Namespace{}, fmt.Errorf("config: %w", err)
	}
	if len(raw) > maxSize {
		return Namespace{}, fmt.Errorf("config: larger than %d bytes", maxSize)
	}
	var f file
	if err := decode(stripComments(raw), &f); err != nil {
		return Namespace{}, fmt.Errorf("config: %w", err)
	}
	if n := len(f.UserConfig.Namespaces); n != 1 {
		return Namespace{}, fmt.Errorf("config: %d namespaces, want one", n)
	}
	ns := f.UserConfig.Namespaces[0]
	// A trial finds every fault before anything is made for good.
	if err := ns.Apply(broker.New(broker.Options{})); err != nil {
		return Namespace{}, err
	}
	return ns, nil
}

// Apply makes the entities that a broker does not have yet.
func (n Namespace) Apply(b *broker.Broker) error {
	for _, q := range n.Queues {
		if err := unless(b.Has(q.Name), func() error { return b.CreateQueue(q.Name, q.Properties.settings()) }); err != nil {
			return fmt.Errorf("config: queue %q: %w", q.Name, err)
		}
	}
	for _, t := range n.Topics {
		if err := t.apply(b); err != nil {
			return fmt.Errorf("config: topic %q: %w", t.Name, err)
		}
	}
	return nil
}

func unless(there bool, create func() error) error {
	if there {
		return nil
	}
	return create()
}

func (t Topic) apply(b *broker.Broker) error {
	if err := unless(b.Has(t.Name), func() error { return b.CreateTopic(t.Name, t.Properties.settings()) }); err != nil {
		return err
	}
	for _, s := range t.Subscriptions {
		rules, err := s.rules()
		if err != nil {
			return err
		}
		there := b.Has(broker.SubscriptionPath(t.Name, s.Name))
		create := func() error { return b.CreateSubscription(t.Name, s.Name, s.Properties.settings(), rules...) }
		if err := unless(there, create); err != nil {
			return fmt.Errorf("subscription %q: %w", s.Name, err)
		}
	}
	return nil
}

func (s Subscription) rules() ([]broker.Rule, error) {
	var rules []broker.Rule
	for _, r := range s.Rules {
		f, err := r.Properties.filter()
		if err != nil {
			return nil, fmt.Errorf("subscription %q: rule %q: %w", s.Name, r.Name, err)
		}
		rules = append(rules, broker.Rule{Name: r.Name, Filter: f, Action: r.Properties.Action.SQLExpression})
	}
	return rules, nil
}

var errFilterType = errors.New("FilterType must be Correlation or Sql")

func (p RuleProperties) filter() (broker.Filter, error) {
	switch p.FilterType {
	case "Sql":
		return broker.Filter{Kind: broker.SQLFilter, SQL: p.SQLFilter.SQLExpression}, nil
	case "Correlation":
		return broker.Filter{Kind: broker.CorrelationFilter, Correlation: p.CorrelationFilter.correlation()}, nil
	}
	return broker.Filter{}, fmt.Errorf("%w, not %q", errFilterType, p.FilterType)
}

func (c CorrelationFilter) correlation() broker.Correlation {
	out := broker.Correlation{System: map[string]string{}, User: broker.Values{}}
	for name, value := range map[string]string{
		"contenttype": c.ContentType, "correlationid": c.CorrelationID, "label": c.Label, "messageid": c.MessageID,
		"replyto": c.ReplyTo, "replytosessionid": c.ReplyToSessionID, "sessionid": c.SessionID, "to": c.To,
	} {
		if value != "" {
			out.System[name] = value
		}
	}
	for name, value := range c.Properties {
		out.User[name] = scalar(value)
	}
	return out
}

// scalar gives numbers of JSON the type that a message would have.
func scalar(v any) any {
	n, ok := v.(json.Number)
	if !ok {
		return v
	}
	if i, err := n.Int64(); err == nil {
		return i
	}
	f, _ := n.Float64()
	return f
}
