package broker

import (
	"cmp"
	"slices"
	"time"
)

// keyQueue keeps the messages of one ordering key of a subscription in order.
//
// As documented for the service (pages "Order messages" and its section on
// redelivery): while messages of a key are outstanding, later ones go to the
// same client only; if one is redelivered, so are all later ones of the key
// that were delivered, also if they were acknowledged. So an acknowledgement
// counts only when all earlier messages of the key are acknowledged. With
// exactly-once delivery an acknowledgement counts at once.
type keyQueue struct {
	key      string
	pending  []uint64 // not delivered, in order
	out      []outstanding
	consumer *Consumer // that has out
	blocked  time.Time // no delivery before: back-off
	listed   listed    // in the ready list of the subscription or of consumer
	listing  uint64    // of the entry that counts
}

// listed says in which ready list a key is.
type listed int

const (
	nowhere listed = iota
	ofSubscription
	ofConsumer
)

// listing is an entry of a ready list. It is stale when the key was listed
// elsewhere since.
type listing struct {
	q      *keyQueue
	number uint64
}

func (q *keyQueue) list(where listed) listing {
	q.listed = where
	q.listing++
	return listing{q, q.listing}
}

// outstanding is a delivered message of a key; without a lease it is
// acknowledged and waits for the ones before it.
type outstanding struct {
	seq   uint64
	lease *lease
}

// enlist puts a key where the consumer that may have its next message looks.
func (s *Subscription) enlist(b *Broker, q *keyQueue) {
	for len(q.pending) > 0 && s.acked.has(q.pending[0]) {
		q.pending = q.pending[1:]
	}
	if len(q.pending) == 0 {
		if len(q.out) == 0 && q.listed == nowhere && s.keys[q.key] == q {
			delete(s.keys, q.key)
		}
		return
	}
	if q.listed == ofSubscription || q.blocked.After(b.now) {
		return
	}
	if len(q.out) == 0 { // free, also if its last consumer has it in its list
		q.consumer = nil
		s.readyKeys = append(s.readyKeys, q.list(ofSubscription))
		b.wake(s)
		return
	}
	if c := q.consumer; c != nil && c.Stream && !c.closed && q.listed == nowhere {
		c.keys = append(c.keys, q.list(ofConsumer))
		b.wake(s)
	}
}

// pop takes the next message of the first key of a list.
func (s *Subscription) pop(list *[]listing) (uint64, *keyQueue, bool) {
	for len(*list) > 0 {
		q, number := (*list)[0].q, (*list)[0].number
		(*list)[0] = listing{}
		*list = (*list)[1:]
		if q.listed == nowhere || q.listing != number {
			continue
		}
		q.listed = nowhere
		for len(q.pending) > 0 {
			seq := q.pending[0]
			q.pending = q.pending[1:]
			if !s.acked.has(seq) && s.log.at(seq) != nil {
				return seq, q, true
			}
		}
		if len(q.out) == 0 {
			delete(s.keys, q.key)
		}
	}
	return 0, nil, false
}

// keyed queues a message that the cursor found for consumer c.
func (s *Subscription) keyed(b *Broker, c *Consumer, key string, seq uint64) {
	q := s.keys[key]
	if q == nil {
		q = &keyQueue{key: key}
		s.keys[key] = q
	}
	q.pending = append(q.pending, seq)
	if q.consumer == c && len(q.out) > 0 && !c.Single && !q.blocked.After(b.now) {
		s.enlistFor(b, q, c)
		return
	}
	s.enlist(b, q)
}

// done takes an acknowledged message out of its key and returns those that
// count as acknowledged now.
func (q *keyQueue) done(l *lease, exactlyOnce bool) []uint64 {
	for i := range q.out {
		if q.out[i].lease != l {
			continue
		}
		if exactlyOnce {
			q.out = append(q.out[:i], q.out[i+1:]...)
			return []uint64{l.seq}
		}
		q.out[i].lease = nil
		break
	}
	var seqs []uint64
	for len(q.out) > 0 && q.out[0].lease == nil {
		seqs = append(seqs, q.out[0].seq)
		q.out = q.out[1:]
	}
	return seqs
}

// giveBack takes a message and all later ones of its key back; it returns the
// leases that end with it.
func (q *keyQueue) giveBack(l *lease) []*lease {
	for i := range q.out {
		if q.out[i].lease != l {
			continue
		}
		var leases []*lease
		var seqs []uint64
		for _, o := range q.out[i:] {
			seqs = append(seqs, o.seq)
			if o.lease != nil && o.lease != l {
				leases = append(leases, o.lease)
			}
		}
		q.listed = nowhere // what comes next has to wait for its back-off
		q.out = q.out[:i:i]
		q.pending = append(seqs, q.pending...)
		return leases
	}
	return nil
}

// resumeKeys puts restored leases into their keys, in order.
func (s *Subscription) resumeKeys() {
	leases := slices.Clone(s.expiry)
	slices.SortFunc(leases, func(a, b *lease) int { return cmp.Compare(a.seq, b.seq) })
	for _, l := range leases {
		if l.key != nil {
			l.key.out = append(l.key.out, outstanding{l.seq, l})
			l.key.consumer = l.consumer
		}
	}
}

func (s *Subscription) restoredKey(key string) *keyQueue {
	if s.keys[key] == nil {
		s.keys[key] = &keyQueue{key: key}
	}
	return s.keys[key]
}
