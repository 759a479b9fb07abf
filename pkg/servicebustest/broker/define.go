package broker

import (
	"cmp"
	"slices"
	"strings"
)

// CreateQueue makes a queue and its dead-letter queues.
func (b *Broker) CreateQueue(name string, s Settings) error {
	return b.create(Queue, name, s)
}

// CreateTopic makes a topic without subscriptions.
func (b *Broker) CreateTopic(name string, s Settings) error {
	return b.create(Topic, name, s)
}

func (b *Broker) create(kind Kind, name string, s Settings) error {
	name = strings.Trim(name, "/")
	if err := checkName(name, 260); err != nil {
		return err
	}
	if b.Has(name) {
		return errorf(EntityAlreadyExists, "The messaging entity '%s' already exists.", name)
	}
	b.put(b.newEntity(kind, name, s))
	return nil
}

// CreateSubscription makes a subscription of a topic. Without rules it takes
// every message, by a rule named $Default.
func (b *Broker) CreateSubscription(topic, name string, s Settings, rules ...Rule) error {
	t, err := b.topic(topic)
	if err != nil {
		return err
	}
	if err := checkName(name, 50); err != nil {
		return err
	}
	if b.Has(t.key + subscriptions + name) {
		return errorf(EntityAlreadyExists, "The subscription '%s' of '%s' already exists.", name, t.name)
	}
	if len(rules) == 0 {
		rules = []Rule{{Name: DefaultRule, Filter: Filter{Kind: TrueFilter}}}
	}
	e := b.newEntity(Subscription, SubscriptionPath(t.name, name), s)
	e.parent = t
	for _, r := range rules {
		if err := e.addRule(r, b.now); err != nil {
			return err
		}
	}
	b.put(e)
	return nil
}

func (b *Broker) topic(name string) (*entity, error) {
	t, err := b.find(name)
	if err == nil && t.kind != Topic {
		err = errorf(NotFound, "'%s' is no topic.", name)
	}
	return t, err
}

// put makes an entity and its insides known.
func (b *Broker) put(e *entity) {
	if e.kind == Subscription {
		e.parent.children = append(e.parent.children, e)
	}
	for _, inside := range e.insides() {
		b.entities[inside.key] = inside
	}
	b.recordDefinition(e)
}

// Update changes the settings of an entity. Whether it has sessions and looks
// for duplicates stays as it was made.
func (b *Broker) Update(path string, s Settings) error {
	e, err := b.find(path)
	if err != nil {
		return err
	}
	if e.kind == DeadLetters {
		return errorf(NotAllowed, "A dead-letter queue has no settings of its own.")
	}
	e.update(s.withDefaults())
	b.recordDefinition(e)
	return nil
}

func (e *entity) update(s Settings) {
	s.RequiresSession = e.settings.RequiresSession
	if e.settings.DuplicateWindow == 0 || s.DuplicateWindow == 0 {
		s.DuplicateWindow = e.settings.DuplicateWindow
	}
	e.settings, e.updated = s, e.broker.now
	for _, inside := range []*entity{e.dead, e.transfer} {
		if inside != nil {
			inside.settings.LockDuration = s.LockDuration
			inside.wakeAll()
		}
	}
	if s.ForwardTo != "" {
		e.forwardAll()
	}
	e.wakeAll()
}

// Delete removes an entity, all that is inside, and its receivers.
func (b *Broker) Delete(path string) error {
	e, err := b.find(path)
	if err != nil {
		return err
	}
	if e.kind == DeadLetters {
		return errorf(NotAllowed, "A dead-letter queue goes with its queue.")
	}
	b.drop(e)
	b.record.begin(changeUndefine, e.key).end()
	return nil
}

func (b *Broker) drop(e *entity) {
	if e.kind == Subscription {
		e.parent.children = slices.DeleteFunc(e.parent.children, func(c *entity) bool { return c == e })
	}
	for _, inside := range e.insides() {
		delete(b.entities, inside.key)
		inside.shut()
	}
}

// shut ends receivers and timers of an entity that is no more.
func (e *entity) shut() {
	for r := range e.receivers {
		r.end(errorf(NotFound, "The messaging entity '%s' has been deleted.", e.name))
	}
	for _, m := range e.index.from(0) {
		e.broker.timers.stop(&m.timer)
	}
	for _, s := range e.sessions {
		e.broker.timers.stop(&s.timer)
	}
	if e.seen != nil {
		e.broker.timers.stop(&e.seen.timer)
	}
}

// list returns the entities of a kind by name.
func (b *Broker) list(kind Kind, parent *entity) []*entity {
	var all []*entity
	for _, e := range b.entities {
		if e.kind == kind && (parent == nil || e.parent == parent) {
			all = append(all, e)
		}
	}
	slices.SortFunc(all, func(x, y *entity) int { return cmp.Compare(x.key, y.key) })
	return all
}
