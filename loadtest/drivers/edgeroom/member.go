package edgeroom

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"

	"github.com/provingground/provingground/loadtest/ledger"
)

const (
	confirmEvery = 32                     // messages
	confirmAfter = 500 * time.Millisecond // of quiet
	hereAfter    = 10 * time.Second       // of silence: a third of a lease
	tooSlow      = 4008                   // the room's close code for a member that does not keep up
)

// What goes over the wire.
type told struct {
	Type string `json:"type"`
	Seq  int64  `json:"seq"`
	ID   string `json:"id"`
	Text string `json:"text"`
	Why  string `json:"why"`
	At   int64  `json:"at"` // milliseconds since 1970 by the room's clock
}

type said struct {
	Type string `json:"type"`
	ID   string `json:"id,omitempty"`
	Text string `json:"text,omitempty"`
	Seq  int64  `json:"seq,omitempty"`
	At   int64  `json:"at,omitempty"` // by the member's clock, which the room is not to use
}

// member is a client that stays in the room: it comes back after each drop and goes
// on after the last message that it has.
type member struct {
	d     *Driver
	id    string
	phase int64 // by which it confirms earlier than others: all at once would hold up what is said

	mu      sync.Mutex
	conn    *websocket.Conn        // nil while it is away
	ids     []string               // of the messages that it has, from sequence 1 on
	waiting map[string]chan<- told // for the answer to what it said

	confirmed atomic.Int64 // the last sequence that it said it has
	spoke     atomic.Int64 // when it last sent anything, on the driver's clock

	deaf   atomic.Bool  // it reads nothing
	fast   atomic.Int64 // by how many nanoseconds its clock is
	joined atomic.Int64 // how often
	slow   atomic.Int64 // how often it was closed as too slow
	twice  atomic.Int64 // messages that came again
}

func newMember(d *Driver, id string) *member {
	return &member{d: d, id: id, phase: rand.Int64N(confirmEvery), waiting: map[string]chan<- told{}}
}

// last is the sequence of the last message that it has.
func (m *member) last() int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return int64(len(m.ids))
}

// stay comes and comes back until ctx ends.
func (m *member) stay(ctx context.Context) {
	for ctx.Err() == nil {
		if err := m.visit(ctx); err != nil && ctx.Err() == nil {
			if websocket.CloseStatus(err) == tooSlow {
				m.slow.Add(1)
			}
			sleep(ctx, pause+rand.N(pause)) // not all at once
		}
	}
}

// visit is one connection.
func (m *member) visit(ctx context.Context) error {
	dialing, cancel := context.WithTimeout(ctx, 4*timeout)
	defer cancel()
	has := m.last()
	m.confirmed.Store(has)
	url := fmt.Sprintf("ws://%s/api/rooms/%s?client=%s&after=%d", m.d.hosts[0], m.d.run, m.id, has)
	conn, resp, err := websocket.Dial(dialing, url, nil)
	if resp != nil && resp.Body != nil {
		resp.Body.Close()
	}
	if err != nil {
		return err
	}
	defer conn.CloseNow()
	m.joined.Add(1)
	m.spoke.Store(int64(m.d.now()))
	m.enter(conn)
	ctx, leave := context.WithCancel(ctx)
	var pulse sync.WaitGroup
	pulse.Go(func() { m.pulse(ctx, conn) })
	err = m.listen(ctx, conn)
	leave()
	pulse.Wait()
	m.leave()
	return err
}

func (m *member) enter(conn *websocket.Conn) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.conn = conn
}

// leave ends the waiting for answers, which come on no other connection.
func (m *member) leave() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.conn = nil
	for id, waiting := range m.waiting {
		close(waiting)
		delete(m.waiting, id)
	}
}

// drop breaks the connection, if there is one.
func (m *member) drop() {
	m.mu.Lock()
	conn := m.conn
	m.mu.Unlock()
	if conn != nil {
		_ = conn.CloseNow() // it is gone either way
	}
}

func (m *member) listen(ctx context.Context, conn *websocket.Conn) error {
	conn.SetReadLimit(1 << 20)
	for {
		for m.deaf.Load() {
			if !sleep(ctx, 20*time.Millisecond) {
				return ctx.Err()
			}
		}
		_, data, err := conn.Read(ctx)
		if err != nil {
			return err
		}
		var t told
		if err := json.Unmarshal(data, &t); err != nil {
			m.d.wrong.add("%s was sent %.100q", m.id, data)
			continue
		}
		switch t.Type {
		case "message":
			if err := m.got(ctx, conn, t); err != nil {
				return err
			}
		case "ack", "refused":
			m.answer(t)
		case "gap":
			m.d.wrong.add("%s was told that what is before message %d is forgotten", m.id, t.Seq)
		}
	}
}

// got takes the next message and drops what it has.
func (m *member) got(ctx context.Context, conn *websocket.Conn, t told) error {
	m.mu.Lock()
	have := int64(len(m.ids))
	if t.Seq == have+1 {
		m.ids = append(m.ids, t.ID)
	}
	m.mu.Unlock()
	switch {
	case t.Seq <= have:
		m.twice.Add(1)
		return nil
	case t.Seq > have+1:
		m.d.wrong.add("%s was sent message %d after %d", m.id, t.Seq, have)
		return errors.New("a message is missing")
	}
	if ns, err := strconv.ParseInt(t.Text, 10, 64); err == nil && m.d.measured(time.Duration(ns)) {
		m.d.delivered.add(m.d.now() - time.Duration(ns))
	}
	if (t.Seq+m.phase)%confirmEvery == 0 {
		return m.confirm(ctx, conn, t.Seq)
	}
	return nil
}

func (m *member) confirm(ctx context.Context, conn *websocket.Conn, seq int64) error {
	m.confirmed.Store(seq)
	return m.send(ctx, conn, said{Type: "seen", Seq: seq})
}

func (m *member) send(ctx context.Context, conn *websocket.Conn, s said) error {
	raw, err := json.Marshal(s)
	if err != nil {
		return err
	}
	m.spoke.Store(int64(m.d.now()))
	writing, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	return conn.Write(writing, websocket.MessageText, raw)
}

// pulse confirms what came before it became quiet, and gives signs of life.
func (m *member) pulse(ctx context.Context, conn *websocket.Conn) {
	before := int64(-1)
	for sleep(ctx, confirmAfter) {
		if m.deaf.Load() {
			continue
		}
		last := m.last()
		quiet := last == before
		before = last
		var err error
		switch {
		case quiet && last > m.confirmed.Load():
			err = m.confirm(ctx, conn, last)
		case m.d.now()-time.Duration(m.spoke.Load()) > hereAfter:
			err = m.send(ctx, conn, said{Type: "here"})
		}
		if err != nil {
			return // the reader sees it, too
		}
	}
}

func (m *member) answer(t told) {
	m.mu.Lock()
	waiting := m.waiting[t.ID]
	delete(m.waiting, t.ID)
	m.mu.Unlock()
	if waiting != nil {
		waiting <- t // it has room for one
	}
}

// say says something and waits for the answer.
func (m *member) say(ctx context.Context, id, text string) ledger.End {
	got := make(chan told, 1)
	m.mu.Lock()
	conn := m.conn
	m.waiting[id] = got
	m.mu.Unlock()
	defer func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		delete(m.waiting, id)
	}()
	if conn == nil {
		return ledger.NotAttempted
	}
	fast := time.Duration(m.fast.Load())
	if fast != 0 {
		m.d.misled.Add(1)
	}
	if err := m.send(ctx, conn, said{Type: "say", ID: id, Text: text, At: time.Now().Add(fast).UnixMilli()}); err != nil {
		return ledger.Unknown
	}
	select {
	case t, answered := <-got:
		if !answered {
			return ledger.Unknown
		}
		if t.Type == "refused" {
			m.d.wrong.add("message %s was refused: %s", id, t.Why)
			return ledger.Refused
		}
		return ledger.Acknowledged
	case <-ctx.Done():
	case <-time.After(timeout):
	}
	return ledger.Unknown
}
