package broker

// seen remembers message ids for the duplicate window of an entity.
type seen struct {
	entity *entity
	ids    map[string]int64 // to the end of its window
	order  []sighting       // oldest first
	timer  timer
}

type sighting struct {
	id    string
	until int64
}

func newSeen(e *entity) *seen {
	s := &seen{entity: e, ids: map[string]int64{}}
	s.timer.owner = s
	return s
}

// duplicate says whether the id of a message was seen inside the window, and
// remembers it. Ids of different sessions or partition keys differ.
func (e *entity) duplicate(in incoming) bool {
	scope := in.session
	if scope == "" {
		scope = in.partition
	}
	id := in.id + "\x00" + scope
	if until, ok := e.seen.ids[id]; ok && until > e.broker.now {
		e.emit(EventDuplicate, &stored{Message: in.Message, entity: e}, "")
		return true
	}
	e.seen.remember(id, e.broker.now+e.settings.DuplicateWindow.Milliseconds())
	e.recordSeen(id, e.seen.ids[id])
	return false
}

func (s *seen) remember(id string, until int64) {
	s.ids[id] = until
	s.order = append(s.order, sighting{id, until})
	if len(s.order) == 1 {
		s.entity.broker.timers.set(&s.timer, until)
	}
}

// fire forgets what is older than the window.
func (s *seen) fire() {
	n := 0
	for n < len(s.order) && s.order[n].until <= s.entity.broker.now {
		if old := s.order[n]; s.ids[old.id] == old.until {
			delete(s.ids, old.id)
		}
		n++
	}
	s.order = append([]sighting(nil), s.order[n:]...)
	if len(s.order) > 0 {
		s.entity.broker.timers.set(&s.timer, s.order[0].until)
	}
}
