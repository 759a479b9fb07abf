package broker

import (
	"container/heap"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
)

// giveBack ends a lease that was nacked or expired: one more attempt failed.
// The message is forwarded to the dead-letter topic or waits for its back-off.
func (s *Subscription) giveBack(b *Broker, l *lease) {
	s.end(l)
	b.wake(s)
	s.attempts[l.seq]++
	attempts := s.attempts[l.seq]
	at := b.now.Add(backoff(s.config.RetryPolicy, attempts))
	if l.key != nil {
		for _, later := range l.key.giveBack(l) {
			s.end(later)
			if s.config.EnableExactlyOnceDelivery { // its lease was an event
				b.emit(attemptedEvent(s, later.seq, s.attempts[later.seq]))
			}
		}
		l.key.blocked = at
	}
	if limit := s.maxAttempts(); limit > 0 && attempts >= limit && b.forward(s, l.seq) {
		if l.key != nil {
			l.key.blocked = time.Time{}
			s.enlist(b, l.key)
		}
		return
	}
	if s.config.DeadLetterPolicy != nil || s.config.EnableExactlyOnceDelivery {
		b.emit(attemptedEvent(s, l.seq, attempts))
	}
	s.wait(b, l, at)
}

func (s *Subscription) wait(b *Broker, l *lease, at time.Time) {
	switch {
	case at.After(b.now):
		heap.Push(&s.retries, retry{at: at, seq: l.seq, key: l.key})
	case l.key != nil:
		s.enlist(b, l.key)
	default:
		heap.Push(&s.returned, l.seq)
	}
}

// backoff is min * 2^(attempts-1), at most max. The service says that it is
// exponential between the two; the base is ours. Without a policy there is none.
func backoff(policy *pubsubpb.RetryPolicy, attempts int) time.Duration {
	if policy == nil {
		return 0
	}
	least, most := duration(policy.MinimumBackoff, 10*time.Second), duration(policy.MaximumBackoff, 600*time.Second)
	d := least
	for range min(attempts-1, 40) {
		if d >= most {
			break
		}
		d *= 2
	}
	return max(least, min(d, most))
}

// retryDue makes what waited long enough deliverable.
func (s *Subscription) retryDue(b *Broker) {
	for r, ok := s.popRetry(b.now); ok; r, ok = s.popRetry(b.now) {
		if r.key != nil {
			s.enlist(b, r.key)
		} else {
			heap.Push(&s.returned, r.seq)
		}
		b.wake(s)
	}
}

// expireLeases gives back what was not acknowledged in time.
func (s *Subscription) expireLeases(b *Broker) {
	for len(s.expiry) > 0 && !s.expiry[0].deadline.After(b.now) {
		s.giveBack(b, s.expiry[0])
	}
}
