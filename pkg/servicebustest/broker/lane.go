package broker

import "container/heap"

// lane has the messages of an entity, or of one session, that can be received,
// in the order of their sequence numbers: new ones come at the end of a queue,
// those that come back are in a heap beside it. A message that has left in
// another way (it expired, say) is skipped when its turn comes.
type lane struct {
	queue []*stored
	head  int
	back  bySequence
}

func (l *lane) push(m *stored) {
	if n := len(l.queue); n > l.head && l.queue[n-1].sequence > m.sequence {
		heap.Push(&l.back, m)
		return
	}
	l.queue = append(l.queue, m)
}

// first returns the next message without taking it, or nil.
func (l *lane) first() *stored {
	l.trim()
	switch {
	case l.head == len(l.queue) && len(l.back) == 0:
		return nil
	case l.head == len(l.queue):
		return l.back[0]
	case len(l.back) == 0 || l.queue[l.head].sequence < l.back[0].sequence:
		return l.queue[l.head]
	}
	return l.back[0]
}

// take removes what first returned.
func (l *lane) take(m *stored) {
	if len(l.back) > 0 && l.back[0] == m {
		heap.Pop(&l.back)
		return
	}
	l.step()
}

// step moves the head on and gives memory back in time.
func (l *lane) step() {
	l.queue[l.head] = nil
	l.head++
	switch {
	case l.head == len(l.queue):
		l.queue, l.head = l.queue[:0], 0
		if cap(l.queue) > 1024 {
			l.queue = nil
		}
	case l.head > 1024 && l.head > len(l.queue)/2:
		l.queue = append(make([]*stored, 0, len(l.queue)-l.head), l.queue[l.head:]...)
		l.head = 0
	}
}

// trim drops messages at the front that cannot be received any more.
func (l *lane) trim() {
	for l.head < len(l.queue) && l.queue[l.head].place != ready {
		l.step()
	}
	for len(l.back) > 0 && l.back[0].place != ready {
		heap.Pop(&l.back)
	}
}

func (l *lane) empty() bool { return l.first() == nil }

type bySequence []*stored

func (h bySequence) Len() int           { return len(h) }
func (h bySequence) Less(i, j int) bool { return h[i].sequence < h[j].sequence }
func (h bySequence) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *bySequence) Push(x any)        { *h = append(*h, x.(*stored)) }
func (h *bySequence) Pop() any {
	old := *h
	m := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	return m
}
