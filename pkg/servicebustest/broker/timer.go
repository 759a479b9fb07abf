package broker

import "container/heap"

// timer is one moment at which something happens to its owner: a message, a
// session, a receiver or the duplicates of an entity have one each.
type timer struct {
	at    int64
	place int // in the heap, plus one; zero: not set
	owner interface{ fire() }
}

// timers is a heap by time.
type timers []*timer

// set starts or moves a timer.
func (h *timers) set(t *timer, at int64) {
	t.at = at
	if t.place > 0 {
		heap.Fix((*byTime)(h), t.place-1)
		return
	}
	heap.Push((*byTime)(h), t)
}

func (h *timers) stop(t *timer) {
	if t.place > 0 {
		heap.Remove((*byTime)(h), t.place-1)
	}
}

// due takes the first timer that is due, or returns nil.
func (h *timers) due(now int64) *timer {
	if len(*h) == 0 || (*h)[0].at > now {
		return nil
	}
	return heap.Pop((*byTime)(h)).(*timer)
}

type byTime []*timer

func (h byTime) Len() int           { return len(h) }
func (h byTime) Less(i, j int) bool { return h[i].at < h[j].at }
func (h byTime) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].place, h[j].place = i+1, j+1
}

func (h *byTime) Push(x any) {
	t := x.(*timer)
	t.place = len(*h) + 1
	*h = append(*h, t)
}

func (h *byTime) Pop() any {
	old := *h
	t := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	t.place = 0
	return t
}
