package broker

import (
	"slices"
	"time"

	"github.com/provingground/provingground/pkg/servicebustest/encoding"
	"github.com/provingground/provingground/pkg/servicebustest/message"
)

// ReceiverOptions say what a receiver wants.
type ReceiverOptions struct {
	// Delete makes messages leave the entity when they are taken. Otherwise
	// they are locked and wait to be settled.
	Delete bool
	// Sessions makes the receiver take the messages of one session only: of
	// SessionID or, if that is nil, of the next one that has messages and no
	// holder.
	Sessions  bool
	SessionID *string
	// Wait is how long to wait for the next session, default one minute.
	Wait time.Duration
	// User is for the caller, who finds it in the receivers of Effects.
	User any
}

// Receiver takes messages from one entity.
type Receiver struct {
	User any

	entity  *entity
	options ReceiverOptions
	session *session
	timer   timer // the end of the wait for a session
	queued  bool  // among those that wait for a message
	closed  bool
}

// Delivery is a message that a receiver has taken.
type Delivery struct {
	Tag      encoding.UUID // names the lock; the token on the wire is LockToken of it
	Settled  bool          // there is no lock: the message has left the entity
	Message  message.Message
	Stamp    message.Stamp
	Sequence int64
}

// LockToken converts a delivery tag, which is in the byte order of .NET, to the
// lock token of annotations and management, and back.
func LockToken(u encoding.UUID) encoding.UUID {
	u[0], u[1], u[2], u[3] = u[3], u[2], u[1], u[0]
	u[4], u[5] = u[5], u[4]
	u[6], u[7] = u[7], u[6]
	return u
}

// Open makes a receiver. One that wants the next session may have to wait for
// it: Session of the receiver says so, and Effects bring the end of the wait.
func (b *Broker) Open(path string, o ReceiverOptions) (*Receiver, error) {
	e, err := b.find(path)
	if err != nil {
		return nil, err
	}
	switch {
	case e.kind == Topic:
		return nil, errorf(NotAllowed, "A topic has no messages to receive: receive from its subscriptions.")
	case e.kind != DeadLetters && e.settings.ForwardTo != "":
		return nil, errorf(NotAllowed, "Nobody can receive from '%s': it forwards its messages to '%s'.", e.name, e.settings.ForwardTo)
	case !e.receivable():
		return nil, errorf(EntityDisabled, "The messaging entity '%s' is disabled for receiving.", e.name)
	case e.hasSessions() && !o.Sessions:
		return nil, errorf(NotAllowed, "It is not possible for an entity that requires sessions to create a non-sessionful message receiver.")
	case !e.hasSessions() && o.Sessions:
		return nil, errorf(NotAllowed, "It is not possible to accept a session of '%s': it does not require sessions.", e.name)
	}
	r := &Receiver{User: o.User, entity: e, options: o}
	r.timer.owner = r
	if o.Sessions {
		if err := r.accept(); err != nil {
			return nil, err
		}
	}
	e.receivers[r] = true
	e.accessed = b.now
	return r, nil
}

// Take returns the next message for a receiver. When there is none it is false,
// and Effects name the receiver as soon as there may be one.
func (r *Receiver) Take() (Delivery, bool) {
	e := r.entity
	if r.closed || !e.receivable() || r.options.Sessions && r.session == nil {
		return Delivery{}, false
	}
	from := &e.open
	if r.session != nil {
		from = &r.session.lane
	}
	m := from.first()
	if m == nil {
		r.wait()
		return Delivery{}, false
	}
	from.take(m)
	return e.hand(m, r.options.Delete), true
}

// Pending says whether Take would return a message.
func (r *Receiver) Pending() bool {
	switch {
	case r.closed || !r.entity.receivable():
		return false
	case r.session != nil:
		return !r.session.lane.empty()
	}
	return !r.options.Sessions && !r.entity.open.empty()
}

// hand gives a message to a receiver.
func (e *entity) hand(m *stored, forGood bool) Delivery {
	if forGood {
		d := m.delivery(true)
		e.emit(EventReceived, m, "")
		e.remove(m)
		return d
	}
	e.lock(m)
	e.emit(EventReceived, m, "")
	return m.delivery(false)
}

func (r *Receiver) wait() {
	if !r.queued && r.session == nil {
		r.queued = true
		r.entity.waiting = append(r.entity.waiting, r)
	}
}

// Skip says that the receiver was made ready and cannot take anything now:
// another one gets the chance.
func (r *Receiver) Skip() {
	if r.session == nil && !r.entity.open.empty() {
		r.entity.wakeOne()
	}
}

// Close ends a receiver. Messages that it has locked stay locked, but those of
// a session go back, uncounted, because the session is free again.
func (r *Receiver) Close() {
	if r.closed {
		return
	}
	r.leave()
	r.Skip()
}

func (r *Receiver) leave() {
	r.closed = true
	e := r.entity
	delete(e.receivers, r)
	e.broker.timers.stop(&r.timer)
	e.waiting = slices.DeleteFunc(e.waiting, func(x *Receiver) bool { return x == r })
	e.accepting = slices.DeleteFunc(e.accepting, func(x *Receiver) bool { return x == r })
	if r.session != nil {
		r.session.release(false)
	}
}

// end closes a receiver from this side.
func (r *Receiver) end(err *Error) {
	if r.closed {
		return
	}
	r.leave()
	b := r.entity.broker
	b.effects.Closed = append(b.effects.Closed, Closed{r, err})
}

// wakeOne makes the receiver ready that has waited longest.
func (e *entity) wakeOne() {
	if len(e.waiting) == 0 {
		return
	}
	r := e.waiting[0]
	e.waiting = e.waiting[1:]
	r.queued = false
	r.ready()
}

func (e *entity) wakeAll() {
	for len(e.waiting) > 0 {
		e.wakeOne()
	}
	for r := range e.receivers {
		r.ready()
	}
}

func (r *Receiver) ready() {
	b := r.entity.broker
	b.effects.Ready = append(b.effects.Ready, r)
}
