package broker

// schedule keeps a message until its time. The sequence number that it gets
// here is the one that cancels it.
func (e *entity) schedule(in incoming) int64 {
	m := e.newStored(in)
	m.until, m.expires = in.scheduled, 0 // its life begins when it appears
	e.add(m, scheduled)
	e.broker.timers.set(&m.timer, m.until)
	e.emit(EventScheduled, m, "")
	return m.sequence
}

// activate lets a scheduled message appear, with a new sequence number as in
// the service.
func (e *entity) activate(m *stored) {
	in := m.outgoing()
	in.first = m.first
	e.remove(m)
	switch {
	case e.kind == Topic:
		e.fanOut(in)
	case e.settings.ForwardTo != "":
		e.forward(in, m.sequence)
	default:
		n := e.newStored(in)
		e.add(n, ready)
		e.emit(EventSent, n, "")
	}
}

// Cancel removes scheduled messages by the sequence numbers that Send returned:
// all or, if one is not there or not scheduled any more, none.
func (b *Broker) Cancel(path string, sequences []int64) error {
	e, err := b.find(path)
	if err != nil {
		return err
	}
	for _, n := range sequences {
		if m := e.index.get(n); m == nil || m.place != scheduled {
			return errorf(MessageNotFound, "There is no scheduled message with sequence number %d.", n)
		}
	}
	for _, n := range sequences {
		if m := e.index.get(n); m != nil {
			e.emit(EventCancelled, m, "")
			e.remove(m)
		}
	}
	return nil
}
