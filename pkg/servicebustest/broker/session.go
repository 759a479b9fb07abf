package broker

import (
	"slices"
	"time"
)

// session is what an entity knows of one session id.
type session struct {
	entity   *entity
	id       string
	lane     lane
	locked   map[*stored]bool
	messages int // in any place
	holder   *Receiver
	until    int64 // the end of its lock
	timer    timer
	queued   bool // among the free ones of the entity
	state    []byte
	changed  int64 // when the state was set
}

// sessionOf returns a session, a new one if need be.
func (e *entity) sessionOf(id string) *session {
	s := e.sessions[id]
	if s == nil {
		s = &session{entity: e, id: id, locked: map[*stored]bool{}}
		s.timer.owner = s
		e.sessions[id] = s
	}
	return s
}

// forget drops a session of which nothing is left.
func (s *session) forget() {
	if s.messages == 0 && s.holder == nil && s.state == nil {
		delete(s.entity.sessions, s.id)
	}
}

// offerSession tells the holder of a session that it has a message, or offers
// the session to those who wait for one.
func (e *entity) offerSession(s *session) {
	if s.holder != nil {
		s.holder.ready()
		return
	}
	if !s.queued {
		s.queued = true
		e.free = append(e.free, s)
	}
	e.assign()
}

// assign gives free sessions to receivers that wait for one.
func (e *entity) assign() {
	for len(e.accepting) > 0 {
		s := e.nextSession()
		if s == nil {
			return
		}
		r := e.accepting[0]
		e.accepting = e.accepting[1:]
		e.broker.timers.stop(&r.timer)
		s.hold(r)
		e.broker.effects.Opened = append(e.broker.effects.Opened, r)
	}
}

// nextSession returns the session that has waited longest for a holder.
func (e *entity) nextSession() *session {
	for len(e.free) > 0 {
		s := e.free[0]
		e.free = e.free[1:]
		s.queued = false
		if s.holder == nil && e.sessions[s.id] == s && !s.lane.empty() {
			return s
		}
	}
	return nil
}

// accept gets a receiver its session, or lets it wait for one.
func (r *Receiver) accept() error {
	e := r.entity
	if id := r.options.SessionID; id != nil {
		s := e.sessionOf(*id)
		if s.holder != nil {
			return errorf(SessionTaken, "The requested session '%s' cannot be accepted. It may be locked by another receiver.", *id)
		}
		s.hold(r)
		return nil
	}
	if s := e.nextSession(); s != nil {
		s.hold(r)
		return nil
	}
	wait := r.options.Wait
	if wait <= 0 {
		wait = time.Minute
	}
	e.accepting = append(e.accepting, r)
	e.broker.timers.set(&r.timer, e.broker.now+wait.Milliseconds())
	return nil
}

// fire ends the wait for a session.
func (r *Receiver) fire() {
	r.end(errorf(Timeout, "The operation did not complete within the allotted timeout."))
}

// Session returns the session of a receiver and the end of its lock; it is
// false while the receiver waits for one or wants none.
func (r *Receiver) Session() (id string, until time.Time, ok bool) {
	if r.session == nil {
		return "", time.Time{}, false
	}
	return r.session.id, millis(r.session.until), true
}

func (s *session) hold(r *Receiver) {
	s.holder, r.session = r, s
	s.prolong()
}

func (s *session) prolong() {
	b := s.entity.broker
	s.until = b.now + s.entity.lockDuration().Milliseconds()
	b.timers.set(&s.timer, s.until)
	for m := range s.locked {
		m.until = s.until
	}
}

// fire is the end of the lock of a session.
func (s *session) fire() {
	if r := s.holder; r != nil {
		s.release(true)
		r.session = nil
		r.end(sessionLost())
	}
}

// release takes a session from its holder. Its locked messages go back: counted
// if the lock has expired, not counted if the holder gave it up.
func (s *session) release(counted bool) {
	e := s.entity
	e.broker.timers.stop(&s.timer)
	s.holder, s.until = nil, 0
	back := make([]*stored, 0, len(s.locked))
	for m := range s.locked {
		back = append(back, m)
	}
	slices.SortFunc(back, func(x, y *stored) int { return int(x.sequence - y.sequence) })
	for _, m := range back {
		e.unlock(m)
		e.emit(EventLockLost, m, "")
		e.back(m, counted)
	}
	if !s.lane.empty() && s.holder == nil {
		e.offerSession(s)
	}
	s.forget()
}

func sessionLost() *Error {
	return errorf(SessionLockLost, "The session lock has expired on the MessageSession. Accept a new MessageSession.")
}

// held finds a session that somebody holds.
func (b *Broker) held(path, id string) (*session, error) {
	e, err := b.find(path)
	if err != nil {
		return nil, err
	}
	s := e.sessions[id]
	if s == nil || s.holder == nil {
		return nil, sessionLost()
	}
	return s, nil
}

// RenewSession prolongs the lock of a session and returns its new end.
func (b *Broker) RenewSession(path, id string) (time.Time, error) {
	s, err := b.held(path, id)
	if err != nil {
		return time.Time{}, err
	}
	s.prolong()
	return millis(s.until), nil
}

// SessionState returns the state that SetSessionState stored, or nil.
func (b *Broker) SessionState(path, id string) ([]byte, error) {
	e, err := b.find(path)
	if err != nil {
		return nil, err
	}
	if s := e.sessions[id]; s != nil {
		return s.state, nil
	}
	return nil, nil
}

// SetSessionState stores state with a session that somebody holds; an empty one
// clears it.
func (b *Broker) SetSessionState(path, id string, state []byte) error {
	s, err := b.held(path, id)
	if err != nil {
		return err
	}
	s.setState(state, b.now)
	s.entity.recordSession(s)
	return nil
}

func (s *session) setState(state []byte, at int64) {
	s.state = nil
	if len(state) > 0 {
		s.state = append([]byte(nil), state...)
	}
	s.changed = at
}

// Sessions returns the ids of sessions in order. With a zero time: those that
// have messages or a state; else those whose state was set after it.
func (b *Broker) Sessions(path string, changedAfter time.Time) ([]string, error) {
	e, err := b.find(path)
	if err != nil {
		return nil, err
	}
	var ids []string
	for id, s := range e.sessions {
		active := changedAfter.IsZero() && (s.messages > 0 || s.state != nil)
		if active || !changedAfter.IsZero() && s.state != nil && s.changed > changedAfter.UnixMilli() {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids, nil
}
