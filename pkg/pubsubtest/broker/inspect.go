package broker

import "time"

// Stats is what a subscription holds at a moment.
type Stats struct {
	// Backlog are messages that are not acknowledged, Bytes their size;
	// Outstanding of them are leased, Waiting are backing off.
	Backlog, Outstanding, Waiting int
	Bytes                         int64
	// OldestAge is the age of the oldest that is not acknowledged.
	OldestAge time.Duration
}

// Inspect returns what a subscription holds.
func (b *Broker) Inspect(now time.Time, s *Subscription) Stats {
	b.Advance(now)
	stats := Stats{Backlog: s.backlog, Bytes: s.bytes, Outstanding: len(s.leases), Waiting: len(s.retries)}
	if s.log == nil {
		return stats
	}
	if e := s.log.at(s.acked.gap(s.log.base)); e != nil {
		stats.OldestAge = b.now.Sub(time.Unix(0, e.published))
	}
	return stats
}

// Retained returns how many messages a topic has for anybody.
func (b *Broker) Retained(topic string) (int, error) {
	t, err := b.Topic(topic)
	if err != nil {
		return 0, err
	}
	n := 0
	for i := range t.log.entries {
		if t.log.entries[i].message != nil {
			n++
		}
	}
	return n, nil
}

// Duplicate returns the delivery once more, under an acknowledgement id of its
// own: what at-least-once means. With exactly-once delivery it returns false.
func (b *Broker) Duplicate(s *Subscription, d Delivery) (Delivery, bool) {
	_, seq, _, ok := parseAckID(d.AckID)
	if !ok || s.config.EnableExactlyOnceDelivery {
		return Delivery{}, false
	}
	b.nonce++
	d.AckID = ackID(s.uid, seq, b.nonce)
	return d, true
}
