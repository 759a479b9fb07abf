package servicebustest

import (
	"time"

	"github.com/provingground/provingground/pkg/servicebustest/access"
	"github.com/provingground/provingground/pkg/servicebustest/amqp"
	"github.com/provingground/provingground/pkg/servicebustest/broker"
	"github.com/provingground/provingground/pkg/servicebustest/encoding"
)

const (
	sessionFilter   = "com.microsoft:session-filter"
	sessionUntil    = "com.microsoft:locked-until-utc"
	propertyTimeout = "com.microsoft:timeout"
	// ticksAt1970 is the Unix epoch in .NET: intervals of 100 ns since year 1.
	ticksAt1970 = 621355968000000000
)

// source has the messages of an entity for one link.
type source struct {
	connection *connection
	attach     *amqp.Attach
	link       *amqp.Link
	path       string
	receiver   *broker.Receiver
	fault      faultState // of the next message; guarded by the core
}

// faultState is where an injected fault of a delivery stands.
type faultState int

const (
	none faultState = iota
	waiting
	waited
)

func (c *connection) openReceiver(a *amqp.Attach, path string) *amqp.Error {
	if err := c.allowed(path, access.Listen); err != nil {
		return err
	}
	s := &source{connection: c, attach: a, link: a.Link(), path: path}
	o := broker.ReceiverOptions{Delete: a.Presettled, User: s}
	if id, ok := a.Filter.Get(sessionFilter); ok {
		o.Sessions, o.SessionID = true, sessionID(id)
	}
	if ms, ok := a.Properties.Get(propertyTimeout); ok {
		n, _ := encoding.Integer(ms)
		o.Wait = time.Duration(n) * time.Millisecond
	}
	var err error
	waits := false
	c.server.core.do(func(b *broker.Broker) {
		s.receiver, err = b.Open(path, o)
		if err == nil && o.Sessions {
			_, _, ok := s.receiver.Session()
			waits = !ok
		}
	})
	if err == nil && !waits {
		s.opened()
	}
	return wireError(err)
}

// sessionID takes the id out of a filter that may be described; nil is the next
// session.
func sessionID(v any) *string {
	if d, ok := v.(encoding.Described); ok {
		v = d.Value
	}
	if id, ok := v.(string); ok {
		return &id
	}
	return nil
}

// opened answers the attach: the receiver has its session or needs none.
func (s *source) opened() {
	filter, properties := s.attach.Filter, encoding.Map(nil)
	s.connection.server.core.do(func(*broker.Broker) {
		if id, until, ok := s.receiver.Session(); ok {
			filter = fillSession(filter, id)
			properties = encoding.Map{{Key: encoding.Symbol(sessionUntil), Value: until.UnixMilli()*10000 + ticksAt1970}}
		}
	})
	if !s.attach.Source(s, filter, properties) {
		s.Close()
	}
}

// fillSession returns the filter with the session, in the form in which it came:
// described for Go, bare for others, who would not understand the other form.
func fillSession(filter encoding.Map, id string) encoding.Map {
	filled := append(encoding.Map(nil), filter...)
	for i, e := range filled {
		if encoding.Text(e.Key) != sessionFilter {
			continue
		}
		filled[i].Value = id
		if d, ok := e.Value.(encoding.Described); ok {
			filled[i].Value = encoding.Described{Descriptor: d.Descriptor, Value: id}
		}
	}
	return filled
}

// closed tells the client that the broker has ended the receiver.
func (s *source) closed(err *broker.Error) {
	s.attach.Refuse(wireError(err)) // if it still waits for its session
	s.link.Detach(wireError(err))
}

// Next takes the next message.
func (s *source) Next() (amqp.Delivery, bool) {
	var d broker.Delivery
	ok := false
	s.connection.server.core.do(func(*broker.Broker) {
		if s.receiver.Pending() && s.delayed() {
			return
		}
		d, ok = s.receiver.Take()
	})
	if !ok {
		return amqp.Delivery{}, false
	}
	return amqp.Delivery{Tag: d.Tag, Settled: d.Settled, Payload: d.Encode()}, true
}

// delayed says whether a fault keeps the next message back, for now or for
// good. Nothing here may wait: connection and core are locked.
func (s *source) delayed() bool {
	switch s.fault {
	case waiting:
		return true
	case waited:
		s.fault = none
		return false
	}
	f, ok := s.connection.server.faults.match(s.path, OpReceive)
	if !ok {
		return false
	}
	s.fault = waiting
	s.connection.conn.After(f.Delay, func() { s.happen(f) })
	return true
}

// happen lets a fault happen to the next message.
func (s *source) happen(f Fault) {
	ended := false
	detach := func(err *amqp.Error) { ended = true; s.link.Detach(err) }
	s.connection.carry(step{link: s.link, fail: detach, do: func() *amqp.Error { return nil }}, f)
	if ended {
		return
	}
	s.connection.server.core.do(func(*broker.Broker) { s.fault = waited })
	s.link.Wake()
}

// Skip lets another receiver have the message that this one was woken for.
func (s *source) Skip() {
	s.connection.server.core.do(func(*broker.Broker) { s.receiver.Skip() })
}

// Close gives the receiver back.
func (s *source) Close() {
	s.connection.server.core.do(func(*broker.Broker) { s.receiver.Close() })
}

// Settle applies the outcome of a delivery.
func (s *source) Settle(tag [16]byte, o amqp.Outcome, done func(*amqp.Error)) {
	s.connection.run(step{
		entity: s.path, operation: OpSettle, link: s.link, fail: done,
		do: func() *amqp.Error {
			var err error
			s.connection.server.core.do(func(*broker.Broker) { err = s.receiver.Settle(tag, settlement(o)) })
			return wireError(err)
		},
		answer: func() { done(nil) },
	})
}

func settlement(o amqp.Outcome) broker.Settlement {
	switch o.Kind {
	case amqp.Accepted:
		return broker.Settlement{Verdict: broker.Complete}
	case amqp.Released:
		return broker.Settlement{Verdict: broker.Release}
	case amqp.Modified:
		verdict := broker.Abandon
		if o.Undeliverable {
			verdict = broker.Defer
		}
		return broker.Settlement{Verdict: verdict, Properties: o.Annotations}
	case amqp.Rejected:
	}
	return rejection(o)
}

// rejection takes reason and description of a dead letter out of the error.
func rejection(o amqp.Outcome) broker.Settlement {
	s := broker.Settlement{Verdict: broker.MoveDeadLetter}
	if o.Condition != "com.microsoft:dead-letter" {
		s.Reason, s.Description = o.Condition, o.Description
	}
	for _, e := range o.Info {
		switch encoding.Text(e.Key) {
		case "DeadLetterReason":
			s.Reason = encoding.Text(e.Value)
		case "DeadLetterErrorDescription":
			s.Description = encoding.Text(e.Value)
		default:
			s.Properties = append(s.Properties, e)
		}
	}
	return s
}
