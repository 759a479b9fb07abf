package broker

import (
	"container/heap"
	"time"
)

// lease is one delivery that is neither acknowledged nor given back.
type lease struct {
	seq      uint64
	nonce    uint64
	deadline time.Time
	consumer *Consumer
	size     int
	key      *keyQueue // nil without order
	index    int       // in leaseHeap
}

// leaseHeap has the lease that ends first on top.
type leaseHeap []*lease

func (h leaseHeap) Len() int           { return len(h) }
func (h leaseHeap) Less(i, j int) bool { return h[i].deadline.Before(h[j].deadline) }
func (h leaseHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

func (h *leaseHeap) Push(x any) {
	l := x.(*lease)
	l.index = len(*h)
	*h = append(*h, l)
}

func (h *leaseHeap) Pop() any {
	last := len(*h) - 1
	l := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	return l
}

// seqHeap has the oldest message on top.
type seqHeap []uint64

func (h seqHeap) Len() int           { return len(h) }
func (h seqHeap) Less(i, j int) bool { return h[i] < h[j] }
func (h seqHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *seqHeap) Push(x any)        { *h = append(*h, x.(uint64)) }
func (h *seqHeap) Pop() any {
	last := len(*h) - 1
	seq := (*h)[last]
	*h = (*h)[:last]
	return seq
}

// retry is a message, or a whole key, that waits for its back-off to end.
type retry struct {
	at  time.Time
	seq uint64
	key *keyQueue
}

// retryHeap has the retry that is due first on top.
type retryHeap []retry

func (h retryHeap) Len() int { return len(h) }
func (h retryHeap) Less(i, j int) bool {
	if h[i].at.Equal(h[j].at) {
		return h[i].seq < h[j].seq
	}
	return h[i].at.Before(h[j].at)
}
func (h retryHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *retryHeap) Push(x any)   { *h = append(*h, x.(retry)) }
func (h *retryHeap) Pop() any {
	last := len(*h) - 1
	r := (*h)[last]
	(*h)[last] = retry{}
	*h = (*h)[:last]
	return r
}

func (s *Subscription) popRetry(now time.Time) (retry, bool) {
	if len(s.retries) == 0 || s.retries[0].at.After(now) {
		return retry{}, false
	}
	return heap.Pop(&s.retries).(retry), true
}
