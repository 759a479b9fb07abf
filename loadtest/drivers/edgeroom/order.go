package edgeroom

import (
	"sync"
	"time"

	"github.com/provingground/provingground/loadtest/judge"
)

// moments are when messages were said, and when they were acknowledged.
type moments struct {
	mu  sync.Mutex
	all map[string]moment
}

type moment struct{ said, acknowledged time.Duration }

func (m *moments) add(id string, said, acknowledged time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.all == nil {
		m.all = map[string]moment{}
	}
	m.all[id] = moment{said, acknowledged}
}

// judgeOrder wants what was acknowledged before another message was said to have the
// smaller sequence, and the room's times to be those of its own clock, whatever members
// say.
func (d *Driver) judgeOrder(kept []told) judge.Check {
	d.said.mu.Lock()
	defer d.said.mu.Unlock()
	soonest, of := forever, ""
	for i := len(kept) - 1; i >= 0; i-- {
		m, known := d.said.all[kept[i].ID]
		if !known {
			continue
		}
		if soonest < m.said {
			return judge.Checkf("order", false, "message %s was acknowledged before %s was said, and comes after it", of, kept[i].ID)
		}
		if m.acknowledged < soonest {
			soonest, of = m.acknowledged, kept[i].ID
		}
	}
	first, last := d.began.UnixMilli(), time.Now().UnixMilli()
	for _, t := range kept {
		if t.At < first || t.At > last {
			return judge.Checkf("order", false, "message %d is of %s, and the run began at %s", t.Seq, time.UnixMilli(t.At), d.began)
		}
		first = t.At
	}
	return judge.Checkf("order", len(kept) > 0, "%d messages are in the sequence in which they were said and acknowledged, and their times are the room's", len(kept))
}
