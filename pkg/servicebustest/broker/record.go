package broker

import (
	"encoding/json"
	"time"

	"github.com/provingground/provingground/pkg/servicebustest/encoding"
)

// change is the kind of one change of state. A record is a sequence of changes;
// each is an AMQP list of the kind, the key of the entity, and what the kind
// needs. The numbers are on disk: they do not change their meaning.
type change uint8

const (
	changeDefine   change = 1 // settings and rules, as JSON
	changeUndefine change = 2
	changePut      change = 3 // a message, whole
	changeRemove   change = 4 // a message
	changeUpdate   change = 5 // count and parking of a message
	changeSession  change = 6 // state of a session
	changeSeen     change = 7 // an id of the duplicate window
	changeSequence change = 8 // the last sequence number
)

// recorder writes changes one behind the other. When it is off it does nothing.
type recorder struct {
	on      bool
	buf     []byte
	message []byte // scratch
	start   int
	fields  int
}

// take returns what was written and starts again in the same memory.
func (r *recorder) take() []byte {
	b := r.buf
	r.buf = r.buf[:0]
	return b
}

func (r *recorder) begin(c change, key string) *recorder {
	if r.on {
		r.buf, r.start = encoding.Open(r.buf, 0xd0)
		r.buf = encoding.AppendString(append(r.buf, 0x50, byte(c)), key)
		r.fields = 2
	}
	return r
}

func (r *recorder) number(v int64) *recorder {
	if r.on {
		r.buf = encoding.AppendUlong(r.buf, uint64(v)) // #nosec: no number here is negative
		r.fields++
	}
	return r
}

func (r *recorder) text(s string) *recorder {
	if r.on {
		r.buf = encoding.AppendString(r.buf, s)
		r.fields++
	}
	return r
}

func (r *recorder) bytes(b []byte) *recorder {
	if r.on {
		r.buf = encoding.Append(r.buf, b)
		r.fields++
	}
	return r
}

func (r *recorder) end() {
	if r.on {
		r.buf = encoding.Close(r.buf, r.start, r.fields)
	}
}

// definition is what a record says about an entity.
type definition struct {
	Kind             Kind
	Path             string
	Settings         Settings
	Rules            []Rule `json:",omitempty"`
	Created, Updated time.Time
}

func (b *Broker) recordDefinition(e *entity) { b.record.define(e) }

func (r *recorder) define(e *entity) {
	if !r.on {
		return
	}
	d := definition{Kind: e.kind, Path: e.name, Settings: e.settings, Created: millis(e.created), Updated: millis(e.updated)}
	for _, rule := range e.rules {
		d.Rules = append(d.Rules, rule.Rule)
	}
	raw, err := json.Marshal(d)
	if err != nil {
		panic("broker: a definition is plain data: " + err.Error())
	}
	r.begin(changeDefine, e.key).bytes(raw).end()
}

func (e *entity) recordPut(m *stored) { e.broker.record.put(m) }

func (r *recorder) put(m *stored) {
	if !r.on {
		return
	}
	r.message = m.Encode(r.message[:0])
	wakes := int64(0)
	if m.place == scheduled {
		wakes = m.until
	}
	r.begin(changePut, m.entity.key).number(m.sequence).number(m.first).number(m.enqueued).number(m.expires).number(wakes)
	r.number(int64(m.count)).number(flag(m.parked)).text(m.source).bytes(r.message).end()
}

func flag(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

func (e *entity) recordRemove(m *stored) {
	e.broker.record.begin(changeRemove, e.key).number(m.sequence).end()
}

func (e *entity) recordUpdate(m *stored) {
	e.broker.record.begin(changeUpdate, e.key).number(m.sequence).number(int64(m.count)).number(flag(m.parked)).end()
}

func (e *entity) recordSession(s *session) { e.broker.record.session(s) }

func (r *recorder) session(s *session) {
	r.begin(changeSession, s.entity.key).text(s.id).number(s.changed).bytes(s.state).end()
}

func (e *entity) recordSeen(id string, until int64) { e.broker.record.seen(e, id, until) }

func (r *recorder) seen(e *entity, id string, until int64) {
	r.begin(changeSeen, e.key).text(id).number(until).end()
}

func (e *entity) recordSequence() { e.broker.record.sequence(e) }

func (r *recorder) sequence(e *entity) {
	r.begin(changeSequence, e.key).number(e.sequence).end()
}

// CutRecord returns how many bytes of a record, up to limit, are whole changes:
// Restore takes them as a record of their own. One change is always taken.
func CutRecord(record []byte, limit int) int {
	if len(record) <= limit {
		return len(record)
	}
	n := 0
	for n < len(record) {
		rest, err := encoding.Skip(record[n:])
		if err != nil || n > 0 && len(record)-len(rest) > limit {
			break
		}
		n = len(record) - len(rest)
	}
	if n == 0 {
		return len(record)
	}
	return n
}
