package broker

import (
	"container/heap"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
)

// Consumer is somebody who takes messages: a stream, one Pull call, a pusher.
type Consumer struct {
	// MaxMessages and MaxBytes bound what is outstanding here; 0 is no bound.
	// One message is given even if it alone is larger than MaxBytes.
	MaxMessages, MaxBytes int
	// AckDeadline replaces the subscription's, if it is not 0.
	AckDeadline time.Duration
	// Stream: later messages of a key may follow while earlier ones are
	// outstanding here. Otherwise a key's next ones wait.
	Stream bool
	// Single: at most one outstanding message of each key, as push promises.
	Single bool

	messages, bytes int
	keys            []listing
	closed          bool
}

// Outstanding returns how many messages the consumer has.
func (c *Consumer) Outstanding() int { return c.messages }

func (c *Consumer) room() bool {
	return (c.MaxMessages == 0 || c.messages < c.MaxMessages) && (c.MaxBytes == 0 || c.messages == 0 || c.bytes < c.MaxBytes)
}

func (c *Consumer) take(l *lease) {
	c.messages++
	c.bytes += l.size
}

func (c *Consumer) give(l *lease) {
	c.messages--
	c.bytes -= l.size
}

// Delivery is one message on its way to a consumer. The message is shared and
// must not be changed.
type Delivery struct {
	AckID   string
	Message *pubsubpb.PubsubMessage
	// Attempt is 1 + nacks + expired deadlines; 0 without a dead-letter policy.
	Attempt int
}

// Limit bounds one Pull.
type Limit struct{ Messages, Bytes int }

// Pull leases messages to a consumer, as many as there are, within the limit.
func (b *Broker) Pull(now time.Time, s *Subscription, c *Consumer, limit Limit) []Delivery {
	b.Advance(now)
	s.used = b.now
	if s.log == nil {
		return nil
	}
	var all []Delivery
	for bytes := 0; len(all) < limit.Messages && bytes < limit.Bytes && c.room(); {
		seq, q, ok := s.pick(b, c)
		if !ok {
			break
		}
		e := s.log.at(seq)
		bytes += int(e.size)
		all = append(all, s.deliver(b, c, seq, q, e))
		if q != nil && !c.Single {
			s.enlistFor(b, q, c)
		}
	}
	if !c.Stream { // a key's next messages wait for this batch
		c.release(b, s)
	}
	b.schedule(s)
	return all
}

// pick chooses the next message: first what this consumer's keys have, then
// what was given back, then what is new.
func (s *Subscription) pick(b *Broker, c *Consumer) (uint64, *keyQueue, bool) {
	if seq, q, ok := s.pop(&c.keys); ok {
		return seq, q, true
	}
	for len(s.returned) > 0 {
		seq := heap.Pop(&s.returned).(uint64)
		if !s.acked.has(seq) && s.leases[seq] == nil && s.log.at(seq) != nil {
			return seq, nil, true
		}
	}
	for {
		if seq, q, ok := s.pop(&s.readyKeys); ok {
			return seq, q, true
		}
		seq, key, ok := s.scan()
		if !ok {
			return 0, nil, false
		}
		if key == "" {
			return seq, nil, true
		}
		s.keyed(b, c, key, seq)
		if seq, q, ok := s.pop(&c.keys); ok {
			return seq, q, true
		}
	}
}

// scan moves the cursor over the next message that is not acknowledged. Each
// message is looked at once, however many are retained.
func (s *Subscription) scan() (seq uint64, key string, ok bool) {
	for s.cursor = max(s.cursor, s.log.base); ; {
		seq := s.acked.gap(s.cursor)
		if seq >= s.log.end() {
			s.cursor = s.log.end()
			return 0, "", false
		}
		s.cursor = seq + 1
		e := s.log.at(seq)
		if e == nil || s.leases[seq] != nil { // leased before a restart
			continue
		}
		if s.config.EnableMessageOrdering {
			key = e.message.OrderingKey
		}
		return seq, key, true
	}
}

func (s *Subscription) deliver(b *Broker, c *Consumer, seq uint64, q *keyQueue, e *entry) Delivery {
	b.nonce++
	l := &lease{seq: seq, nonce: b.nonce, consumer: c, size: int(e.size), key: q}
	l.deadline = b.now.Add(s.ackDeadline(c))
	s.addLease(l)
	c.take(l)
	if q != nil {
		q.consumer = c
		q.out = append(q.out, outstanding{seq, l})
	}
	if s.config.EnableExactlyOnceDelivery {
		b.emit(leasedEvent(s, l))
	}
	d := Delivery{AckID: ackID(s.uid, seq, l.nonce), Message: e.message}
	if s.config.DeadLetterPolicy != nil {
		d.Attempt = s.attempts[seq] + 1
	}
	return d
}

func (s *Subscription) addLease(l *lease) {
	s.leases[l.seq] = l
	heap.Push(&s.expiry, l)
}

func (s *Subscription) ackDeadline(c *Consumer) time.Duration {
	if c.AckDeadline > 0 {
		return c.AckDeadline
	}
	return time.Duration(s.config.AckDeadlineSeconds) * time.Second
}

// enlistFor lets the consumer go on with a key within one Pull, also if it is
// not a stream.
func (s *Subscription) enlistFor(b *Broker, q *keyQueue, c *Consumer) {
	if c.Stream {
		s.enlist(b, q)
		return
	}
	if len(q.pending) > 0 && q.listed == nowhere {
		c.keys = append(c.keys, q.list(ofConsumer))
	}
}

// release takes a consumer's waiting keys from it.
func (c *Consumer) release(b *Broker, s *Subscription) {
	c.closed = !c.Single // one Pull is over; a pusher goes on
	keys := c.keys
	c.keys = nil
	for _, entry := range keys {
		if entry.q.listed == ofConsumer && entry.q.listing == entry.number {
			entry.q.listed = nowhere
			s.enlist(b, entry.q)
		}
	}
}

// Open begins a stream: while one is open the subscription is in use.
func (b *Broker) Open(now time.Time, s *Subscription) {
	b.Advance(now)
	s.streams++
	b.schedule(s)
}

// Close ends a stream that was opened. What it has stays leased to it until
// acknowledged or expired.
func (b *Broker) Close(now time.Time, s *Subscription, c *Consumer) {
	b.Advance(now)
	s.streams--
	s.used = b.now
	b.schedule(s)
	c.closed = true
	c.release(b, s)
	b.wake(s)
}
