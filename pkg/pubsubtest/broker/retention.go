package broker

import (
	"time"
)

// The service's own bounds, from the reference of the Subscription resource.
const defaultExpiration = 31 * 24 * time.Hour

// next implements timed.
func (s *Subscription) next() time.Time {
	var at time.Time
	if s.Gone() {
		return at
	}
	sooner := func(t time.Time) {
		if at.IsZero() || t.Before(at) {
			at = t
		}
	}
	if len(s.expiry) > 0 {
		sooner(s.expiry[0].deadline)
	}
	if len(s.retries) > 0 {
		sooner(s.retries[0].at)
	}
	if end, ok := s.oldestEnds(); ok {
		sooner(end)
	}
	if ttl := s.ttl(); ttl > 0 && !s.inUse() {
		sooner(s.used.Add(ttl))
	}
	return at
}

// oldestEnds returns when the retention of the oldest held message is over.
func (s *Subscription) oldestEnds() (time.Time, bool) {
	if s.log == nil {
		return time.Time{}, false
	}
	e := s.log.at(s.released.gap(s.log.base))
	if e == nil {
		return time.Time{}, false
	}
	return time.Unix(0, e.published).Add(retention(s.config)), true
}

// ttl is how long the subscription lives unused; 0 is for ever.
func (s *Subscription) ttl() time.Duration {
	policy := s.config.ExpirationPolicy
	if policy == nil {
		return defaultExpiration
	}
	return duration(policy.Ttl, 0)
}

func (s *Subscription) inUse() bool { return len(s.leases) > 0 || s.streams > 0 }

func (s *Subscription) place() *place { return &s.timed }

// elapse implements timed.
func (s *Subscription) elapse(b *Broker, now time.Time) {
	if ttl := s.ttl(); ttl > 0 && !s.used.Add(ttl).After(now) && !s.inUse() {
		b.removeSubscription(s)
		b.emit(Event{Kind: subscriptionDeleted, Name: s.config.Name})
		return
	}
	if s.log == nil {
		return
	}
	s.expireLeases(b)
	s.retryDue(b)
	s.endRetention(b)
}

// endRetention drops messages that are too old, delivered or not.
func (s *Subscription) endRetention(b *Broker) {
	for end, ok := s.oldestEnds(); ok && !end.After(b.now); end, ok = s.oldestEnds() {
		seq := s.released.gap(s.log.base)
		if l := s.leases[seq]; l != nil {
			s.end(l)
			if l.key != nil {
				l.key.done(l, true)
				s.enlist(b, l.key)
			}
		}
		if !s.acked.has(seq) {
			s.commit(b, seq)
		}
		s.drop(b, seq)
	}
}

// next implements timed.
func (t *Topic) next() time.Time {
	if !t.keeps || t.log.topic != t {
		return time.Time{}
	}
	t.kept = max(t.kept, t.log.base)
	e := t.log.at(t.kept)
	if e == nil {
		return time.Time{}
	}
	return time.Unix(0, e.published).Add(t.config.MessageRetentionDuration.AsDuration())
}

func (t *Topic) place() *place { return &t.timed }

// elapse implements timed.
func (t *Topic) elapse(b *Broker, now time.Time) {
	for end := t.next(); !end.IsZero() && !end.After(now); end = t.next() {
		seq := t.kept
		t.kept++
		t.log.release(b, seq)
	}
}
