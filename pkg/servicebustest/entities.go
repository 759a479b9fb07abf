package servicebustest

import (
	"fmt"
	"time"

	"github.com/provingground/provingground/pkg/servicebustest/broker"
	"github.com/provingground/provingground/pkg/servicebustest/encoding"
	"github.com/provingground/provingground/pkg/servicebustest/message"
)

func (c *core) time() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now()
}

// change calls the broker and returns when its change is on disk.
func (s *Server) change(f func(*broker.Broker) error) error {
	var err error
	s.core.do(func(b *broker.Broker) { err = f(b) })
	if err != nil {
		return err
	}
	return s.core.barrier()
}

// CreateQueue makes a queue.
func (s *Server) CreateQueue(name string, settings Settings) error {
	return s.change(func(b *broker.Broker) error { return b.CreateQueue(name, settings) })
}

// CreateTopic makes a topic.
func (s *Server) CreateTopic(name string, settings Settings) error {
	return s.change(func(b *broker.Broker) error { return b.CreateTopic(name, settings) })
}

// CreateSubscription makes a subscription of a topic, which takes every message
// if it gets no rules.
func (s *Server) CreateSubscription(topic, name string, settings Settings, rules ...Rule) error {
	return s.change(func(b *broker.Broker) error { return b.CreateSubscription(topic, name, settings, rules...) })
}

// Delete removes a queue, a topic or a subscription with all that is in it.
func (s *Server) Delete(path string) error {
	return s.change(func(b *broker.Broker) error { return b.Delete(path) })
}

// Counts returns the number of messages of an entity: of a queue, or of
// topic/Subscriptions/name.
func (s *Server) Counts(path string) (Counts, error) {
	var d broker.Description
	var err error
	s.core.do(func(b *broker.Broker) { d, err = b.Describe(path) })
	return d.Counts, err
}

// Message is a message in an entity, for a test to look at.
type Message struct {
	ID, SessionID, Subject, CorrelationID, To, ReplyTo, ContentType string

	Body             []byte // of data sections; nil for a body of another kind
	Properties       map[string]any
	SequenceNumber   int64
	DeliveryCount    int // earlier deliveries that failed
	Enqueued         time.Time
	State            string // "active" (also while it is locked), "deferred" or "scheduled"
	DeadLetterReason string
}

// Messages returns all messages of an entity in order, in whatever place they
// are, without touching them. The dead letters of a queue are in
// name/$DeadLetterQueue.
func (s *Server) Messages(path string) ([]Message, error) {
	var found []broker.Delivery
	var err error
	s.core.do(func(b *broker.Broker) { found, err = b.Peek(path, 0, 1<<62, nil) })
	all := make([]Message, len(found))
	for i, d := range found {
		all[i] = newMessage(d)
	}
	return all, err
}

func newMessage(d broker.Delivery) Message {
	p := d.Message.Properties()
	text := func(i int) string {
		if v := p.At(i); v != nil {
			return fmt.Sprint(v)
		}
		return ""
	}
	m := Message{
		ID: text(message.PropertyMessageID), SessionID: text(message.PropertyGroupID), Subject: text(message.PropertySubject),
		CorrelationID: text(message.PropertyCorrelationID), To: text(message.PropertyTo),
		ReplyTo: text(message.PropertyReplyTo), ContentType: text(message.PropertyContentType),
		Body: d.Message.DataBytes(), Properties: map[string]any{}, SequenceNumber: d.Sequence,
		DeliveryCount: int(d.Stamp.DeliveryCount), State: "active",
	}
	for _, e := range d.Message.Application() {
		m.Properties[encoding.Text(e.Key)] = e.Value
	}
	m.DeadLetterReason, _ = m.Properties["DeadLetterReason"].(string)
	if at, ok := d.Stamp.Annotations.Get("x-opt-enqueued-time"); ok {
		m.Enqueued, _ = at.(time.Time)
	}
	switch state, _ := d.Stamp.Annotations.Get("x-opt-message-state"); state {
	case int32(1):
		m.State = "deferred"
	case int32(2):
		m.State = "scheduled"
	}
	return m
}
