package broker_test

import (
	"encoding/binary"
	"errors"
	"testing"
	"time"

	"github.com/provingground/provingground/pkg/servicebustest/broker"
	"github.com/provingground/provingground/pkg/servicebustest/encoding"
	"github.com/provingground/provingground/pkg/servicebustest/message"
)

// world is a broker with a clock that tests move, and the record of all that
// happened.
type world struct {
	*broker.Broker
	t       *testing.T
	now     time.Time
	records [][]byte
	effects broker.Effects // of the last call of collect
}

func newBroker() *broker.Broker {
	n := uint64(0)
	return broker.New(broker.Options{Record: true, Events: true, Token: func() (u encoding.UUID) {
		n++
		binary.BigEndian.PutUint64(u[:], n)
		return u
	}})
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{Broker: newBroker(), t: t, now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	w.pass(0)
	return w
}

// pass lets time pass.
func (w *world) pass(d time.Duration) {
	w.t.Helper()
	w.now = w.now.Add(d)
	w.Advance(w.now)
	w.collect()
}

// collect takes the effects of the calls since the last time.
func (w *world) collect() broker.Effects {
	w.effects = w.Effects()
	if len(w.effects.Record) > 0 {
		w.records = append(w.records, append([]byte(nil), w.effects.Record...))
	}
	return w.effects
}

func (w *world) ok(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// fails wants an error with a condition.
func (w *world) fails(err error, want broker.Condition) {
	w.t.Helper()
	var e *broker.Error
	if !errors.As(err, &e) || e.Condition != want {
		w.t.Errorf("error %v, want %s", err, want)
	}
}

func (w *world) queue(name string, s broker.Settings) {
	w.t.Helper()
	w.ok(w.CreateQueue(name, s))
	w.collect()
}

// option changes a message before it is sent.
type option func(*message.Parts, *message.Message)

func session(id string) option {
	return func(p *message.Parts, _ *message.Message) {
		p.Properties = message.SetProperty(p.Properties, message.PropertyGroupID, id)
	}
}

func ttl(d time.Duration) option {
	return func(_ *message.Parts, m *message.Message) { *m = m.Expiring(d) }
}

func at(t time.Time) option {
	return func(p *message.Parts, _ *message.Message) {
		p.Annotations = append(p.Annotations, encoding.Entry{Key: encoding.Symbol("x-opt-scheduled-enqueue-time"), Value: t})
	}
}

func property(name string, v any) option {
	return func(p *message.Parts, _ *message.Message) { p.Application = p.Application.Set(name, v) }
}

func newMessage(id string, options ...option) message.Message {
	var m message.Message
	p := message.Parts{Properties: message.SetProperty(nil, message.PropertyMessageID, id)}
	for _, o := range options {
		o(&p, &m)
	}
	sent := message.New(p, message.Data([]byte("body of "+id)))
	sent.HasTTL, sent.TTL = m.HasTTL, m.TTL
	return sent
}

// send sends one message and returns its sequence number.
func (w *world) send(path, id string, options ...option) int64 {
	w.t.Helper()
	sequences, err := w.Send(path, newMessage(id, options...))
	w.ok(err)
	w.collect()
	return sequences[0]
}

func (w *world) open(path string, o broker.ReceiverOptions) *broker.Receiver {
	w.t.Helper()
	r, err := w.Open(path, o)
	w.ok(err)
	return r
}

func id(d broker.Delivery) string {
	return encoding.Text(d.Message.Properties().At(message.PropertyMessageID))
}

// takes wants the next message of a receiver.
func (w *world) takes(r *broker.Receiver, want string) broker.Delivery {
	w.t.Helper()
	d, ok := r.Take()
	w.collect()
	if !ok || id(d) != want {
		w.t.Fatalf("took %q (%t), want %q", id(d), ok, want)
	}
	return d
}

func (w *world) empty(r *broker.Receiver) {
	w.t.Helper()
	if d, ok := r.Take(); ok {
		w.t.Fatalf("took %q, want nothing", id(d))
	}
}

func (w *world) settle(r *broker.Receiver, d broker.Delivery, v broker.Verdict) {
	w.t.Helper()
	w.ok(r.Settle(d.Tag, broker.Settlement{Verdict: v}))
	w.collect()
}

// holds wants the ids of all messages of an entity, in order.
func (w *world) holds(path string, want ...string) []broker.Delivery {
	w.t.Helper()
	found, err := w.Peek(path, 0, 1000, nil)
	w.ok(err)
	var got []string
	for _, d := range found {
		got = append(got, id(d))
	}
	if len(got) != len(want) {
		w.t.Fatalf("%s holds %q, want %q", path, got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			w.t.Fatalf("%s holds %q, want %q", path, got, want)
		}
	}
	return found
}

func reason(d broker.Delivery) string {
	v, _ := d.Message.Application().Get("DeadLetterReason")
	return encoding.Text(v)
}

func annotation(d broker.Delivery, name string) any {
	v, _ := d.Stamp.Annotations.Get(name)
	return v
}
