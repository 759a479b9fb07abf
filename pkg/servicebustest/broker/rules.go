package broker

import (
	"slices"
	"strings"
)

// maxRules is what the service allows on one subscription.
const maxRules = 2000

func (b *Broker) subscription(path string) (*entity, error) {
	e, err := b.find(path)
	if err == nil && e.kind != Subscription {
		err = errorf(NotAllowed, "'%s' is no subscription and has no rules.", path)
	}
	return e, err
}

// AddRule adds a rule to a subscription.
func (b *Broker) AddRule(path string, r Rule) error {
	e, err := b.subscription(path)
	if err != nil {
		return err
	}
	if err := e.addRule(r, b.now); err != nil {
		return err
	}
	b.recordDefinition(e)
	return nil
}

func (e *entity) addRule(r Rule, now int64) error {
	if e.rule(r.Name) >= 0 {
		return errorf(EntityAlreadyExists, "The rule '%s' of '%s' already exists.", r.Name, e.name)
	}
	if len(e.rules) >= maxRules {
		return errorf(ResourceLimit, "A subscription has at most %d rules.", maxRules)
	}
	if r.Created.IsZero() {
		r.Created = millis(now)
	}
	compiled, err := newRule(r)
	if err != nil {
		return err
	}
	e.rules = append(e.rules, compiled)
	return nil
}

// ReplaceRule changes a rule that exists.
func (b *Broker) ReplaceRule(path string, r Rule) error {
	e, err := b.subscription(path)
	if err != nil {
		return err
	}
	at := e.rule(r.Name)
	if at < 0 {
		return errorf(NotFound, "The rule '%s' of '%s' could not be found.", r.Name, path)
	}
	r.Created = e.rules[at].Created
	compiled, err := newRule(r)
	if err != nil {
		return err
	}
	e.rules[at] = compiled
	b.recordDefinition(e)
	return nil
}

// RemoveRule removes a rule of a subscription.
func (b *Broker) RemoveRule(path, name string) error {
	e, err := b.subscription(path)
	if err != nil {
		return err
	}
	at := e.rule(name)
	if at < 0 {
		return errorf(NotFound, "The rule '%s' of '%s' could not be found.", name, path)
	}
	e.rules = slices.Delete(e.rules, at, at+1)
	b.recordDefinition(e)
	return nil
}

// Rules returns the rules of a subscription, oldest first.
func (b *Broker) Rules(path string) ([]Rule, error) {
	e, err := b.subscription(path)
	if err != nil {
		return nil, err
	}
	all := make([]Rule, len(e.rules))
	for i, r := range e.rules {
		all[i] = r.Rule
	}
	return all, nil
}

func (e *entity) rule(name string) int {
	return slices.IndexFunc(e.rules, func(r *rule) bool { return strings.EqualFold(r.Name, name) })
}
