package broker

import "sort"

// index holds messages by sequence number. Numbers rise, so that the slice is
// sorted by appending; what is removed leaves a hole, and holes go when they
// are the greater part.
type index struct {
	slots []slot
	live  int
}

type slot struct {
	sequence int64
	m        *stored // nil: removed
}

func (x *index) add(m *stored) {
	x.live++
	at := len(x.slots)
	if at > 0 && x.slots[at-1].sequence >= m.sequence {
		at = x.search(m.sequence)
		if x.slots[at].sequence == m.sequence {
			if x.slots[at].m != nil {
				x.live--
			}
			x.slots[at].m = m
			return
		}
	}
	x.slots = append(x.slots, slot{})
	copy(x.slots[at+1:], x.slots[at:])
	x.slots[at] = slot{m.sequence, m}
}

// search returns the first place at or after a number.
func (x *index) search(sequence int64) int {
	return sort.Search(len(x.slots), func(i int) bool { return x.slots[i].sequence >= sequence })
}

func (x *index) get(sequence int64) *stored {
	at := x.search(sequence)
	if at == len(x.slots) || x.slots[at].sequence != sequence {
		return nil
	}
	return x.slots[at].m
}

func (x *index) remove(sequence int64) {
	at := x.search(sequence)
	if at == len(x.slots) || x.slots[at].sequence != sequence || x.slots[at].m == nil {
		return
	}
	x.slots[at].m = nil
	x.live--
	if len(x.slots) > 64 && x.live < len(x.slots)/2 {
		x.compact()
	}
}

func (x *index) compact() {
	kept := make([]slot, 0, x.live+x.live/2)
	for _, s := range x.slots {
		if s.m != nil {
			kept = append(kept, s)
		}
	}
	x.slots = kept
}

// from iterates in order over the messages from a number on. The index must
// not change meanwhile, except by its end.
func (x *index) from(sequence int64) func(yield func(int64, *stored) bool) {
	return func(yield func(int64, *stored) bool) {
		for _, s := range x.slots[x.search(sequence):] {
			if s.m != nil && !yield(s.sequence, s.m) {
				return
			}
		}
	}
}

// all returns the messages in order, for callers that change the index.
func (x *index) all() []*stored {
	all := make([]*stored, 0, x.live)
	for _, m := range x.from(0) {
		all = append(all, m)
	}
	return all
}
