package broker

import (
	"container/heap"
	"fmt"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/protobuf/proto"
)

// Restore applies events of Take or State, in their order. After the last
// call Restored must be called once.
func (b *Broker) Restore(events []Event) error {
	b.restoring = true
	for _, e := range events {
		if err := b.apply(e); err != nil {
			return fmt.Errorf("event %d of %q: %w", e.Kind, e.Name, err)
		}
	}
	return nil
}

// Restored ends restoring: what nobody holds is dropped, and times begin to run.
func (b *Broker) Restored(now time.Time) {
	b.restoring = false
	b.now = now
	b.bytes = 0 // logs that are gone were counted
	for _, l := range b.logs {
		for i := range l.entries {
			e := &l.entries[i]
			if e.message != nil {
				b.bytes += int64(e.size)
			}
			if e.holders <= 0 {
				b.free(e)
			}
		}
		l.trim()
		if l.unused() {
			delete(b.logs, l.uid)
		}
	}
	for _, s := range b.subs {
		s.used = now
		if s.log != nil {
			s.resume()
		}
		b.schedule(s)
	}
	b.Advance(now)
}

func (b *Broker) apply(e Event) error {
	switch e.Kind {
	case topicCreated, topicUpdated, topicDeleted, logRestored, messagesPublished:
		return b.applyTopic(e)
	case snapshotCreated, snapshotUpdated, snapshotDeleted:
		return b.applySnapshot(e)
	case documentSet:
		b.documents[e.Name] = append([]byte{}, e.Data...)
		return nil
	case documentDeleted:
		delete(b.documents, e.Name)
		return nil
	}
	return b.applySubscription(e)
}

func (b *Broker) applyTopic(e Event) error {
	switch e.Kind {
	case logRestored:
		return b.applyLog(e)
	case messagesPublished:
		return b.applyPublish(e)
	case topicDeleted:
		t, err := b.Topic(e.Name)
		if err != nil {
			return err
		}
		b.removeTopic(t)
		return nil
	}
	config := &pubsubpb.Topic{}
	if err := proto.Unmarshal(e.Data, config); err != nil {
		return err
	}
	if e.Kind == topicUpdated {
		t, err := b.Topic(e.Name)
		if err != nil {
			return err
		}
		b.setTopic(t, config)
		return nil
	}
	l := b.logs[e.UID]
	if l == nil {
		l = b.addLog(e.UID, config.Name, 0)
	}
	b.uid = max(b.uid, e.UID)
	t := b.addTopic(config, l)
	if len(e.Seqs) == 1 && t.keeps { // its own retention goes further back
		t.kept = e.Seqs[0]
		for seq := t.kept; seq < l.end(); seq++ {
			l.hold(seq)
		}
	}
	return nil
}

func (b *Broker) applyLog(e Event) error {
	if len(e.Seqs) != 3 {
		return errEvent
	}
	b.uid = max(b.uid, e.UID)
	l := b.addLog(e.UID, e.Name, e.Seqs[0])
	l.entries = make([]entry, 0, min(e.Seqs[1]-e.Seqs[0], 1<<20))
	l.last = int64(e.Seqs[2])
	return nil
}

func (b *Broker) applyPublish(e Event) error {
	l := b.logs[e.UID]
	if l == nil || len(e.Seqs) != 1 || e.Seqs[0] < l.end() || e.Seqs[0]-l.end() > maxItems {
		return errEvent
	}
	for l.end() < e.Seqs[0] {
		l.entries = append(l.entries, entry{published: l.last})
	}
	for _, data := range e.Sets {
		m := &pubsubpb.PubsubMessage{}
		if err := proto.Unmarshal(data, m); err != nil {
			return err
		}
		b.sequence = max(b.sequence, idSequence(m.MessageId))
		b.enter(l, m)
	}
	return nil
}

func (b *Broker) applySubscription(e Event) error {
	if e.Kind == subscriptionCreated {
		return b.applyCreated(e)
	}
	s, err := b.Subscription(e.Name)
	if err != nil {
		return err
	}
	switch e.Kind {
	case subscriptionDeleted:
		b.removeSubscription(s)
		return nil
	case subscriptionUpdated, subscriptionDetached:
		config := &pubsubpb.Subscription{}
		if err := proto.Unmarshal(e.Data, config); err != nil {
			return err
		}
		if e.Kind == subscriptionDetached {
			b.detach(s, config)
		} else {
			b.setSubscription(s, config)
		}
		return nil
	}
	if s.log == nil {
		return errEvent
	}
	return b.applyDelivery(s, e)
}

func (b *Broker) applyCreated(e Event) error {
	config := &pubsubpb.Subscription{}
	if err := proto.Unmarshal(e.Data, config); err != nil {
		return err
	}
	b.uid = max(b.uid, e.UID)
	if len(e.Seqs) == 0 { // detached
		_, err := b.addSubscription(e.UID, config, nil, seqset{}, seqset{})
		return err
	}
	l := b.logs[e.Seqs[0]]
	acked, released, err := e.sets()
	if err != nil {
		return err
	}
	if l == nil {
		return errEvent
	}
	_, err = b.addSubscription(e.UID, config, l, acked, released)
	return err
}

func (e Event) sets() (acked, released seqset, err error) {
	if len(e.Sets) != 2 {
		return acked, released, errEvent
	}
	if acked, err = decodeSeqset(e.Sets[0]); err != nil {
		return acked, released, err
	}
	released, err = decodeSeqset(e.Sets[1])
	return acked, released, err
}

func (b *Broker) applyDelivery(s *Subscription, e Event) error {
	switch {
	case e.Kind == subscriptionSought:
		return b.applySought(s, e)
	case e.Kind == acknowledged:
		for _, seq := range e.Seqs {
			delete(s.leases, seq)
			s.settle(b, seq)
		}
		return nil
	case e.Kind == attempted && len(e.Seqs) == 2:
		if !s.acked.has(e.Seqs[0]) {
			s.attempts[e.Seqs[0]] = int(e.Seqs[1])
		}
		delete(s.leases, e.Seqs[0])
		return nil
	case e.Kind == leased && len(e.Seqs) == 3:
		if s.log.at(e.Seqs[0]) != nil && !s.acked.has(e.Seqs[0]) {
			s.leases[e.Seqs[0]] = restoredLease(e)
		}
		return nil
	}
	return errEvent
}

func restoredLease(e Event) *lease {
	return &lease{seq: e.Seqs[0], nonce: e.Seqs[1], deadline: time.Unix(0, int64(e.Seqs[2])), consumer: &Consumer{closed: true}}
}

// applySought takes the sets as they were after the seek. A message that the
// original had not any more is acknowledged in them.
func (b *Broker) applySought(s *Subscription, e Event) error {
	acked, released, err := e.sets()
	if err != nil {
		return err
	}
	for seq := s.released.gap(s.log.base); seq < s.log.end(); seq = s.released.gap(seq + 1) {
		s.log.release(b, seq)
	}
	s.reset(acked, released)
	s.takeHolds()
	return nil
}

// resume puts restored leases where time finds them.
func (s *Subscription) resume() {
	for seq, l := range s.leases {
		e := s.log.at(seq)
		if e == nil || s.acked.has(seq) {
			delete(s.leases, seq)
			continue
		}
		l.size = int(e.size)
		l.consumer.take(l)
		if key := e.message.OrderingKey; s.config.EnableMessageOrdering && key != "" {
			l.key = s.restoredKey(key)
		}
		heap.Push(&s.expiry, l)
	}
	s.resumeKeys()
}

func (b *Broker) applySnapshot(e Event) error {
	if e.Kind == snapshotDeleted {
		p, err := b.Snapshot(e.Name)
		if err != nil {
			return err
		}
		b.removeSnapshot(p)
		return nil
	}
	config := &pubsubpb.Snapshot{}
	if err := proto.Unmarshal(e.Data, config); err != nil {
		return err
	}
	if e.Kind == snapshotUpdated {
		p, err := b.Snapshot(e.Name)
		if err != nil {
			return err
		}
		b.setSnapshot(p, config)
		return nil
	}
	if len(e.Seqs) != 1 || len(e.Sets) != 1 || b.logs[e.Seqs[0]] == nil {
		return errEvent
	}
	acked, err := decodeSeqset(e.Sets[0])
	if err != nil {
		return err
	}
	b.addSnapshot(config, b.logs[e.Seqs[0]], acked)
	return nil
}
