package broker

import (
	"slices"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/provingground/provingground/pkg/pubsubtest/filter"
)

// deletedTopic is the name a subscription shows when its topic is gone.
const deletedTopic = "_deleted-topic_"

// Subscription is one subscription's backlog. Its methods other than Config
// are those of its Broker.
type Subscription struct {
	uid      uint64
	config   *pubsubpb.Subscription // replaced, never changed
	log      *log                   // nil when detached
	filter   filter.Filter
	acked    seqset
	released seqset // what it does not hold any more
	cursor   uint64 // next message never looked at
	backlog  int
	bytes    int64

	leases    map[uint64]*lease
	expiry    leaseHeap
	retries   retryHeap
	returned  seqHeap
	attempts  map[uint64]int // nacks and expiries, if any
	keys      map[string]*keyQueue
	readyKeys []listing
	recent    recentAcks

	used    time.Time // for the expiration policy
	streams int       // open
	gone    bool
	woken   bool
	timed   place
}

// Config returns the subscription's resource, which must not be changed.
func (s *Subscription) Config() *pubsubpb.Subscription { return s.config }

// Name returns the full name.
func (s *Subscription) Name() string { return s.config.Name }

// Gone reports whether it was deleted or detached: nothing will come.
func (s *Subscription) Gone() bool { return s.gone || s.config.Detached }

// Subscription returns the one of that name, or a NotFound status.
func (b *Broker) Subscription(name string) (*Subscription, error) {
	if s := b.subs[name]; s != nil {
		return s, nil
	}
	return nil, notFound(name)
}

// CreateSubscription begins a backlog with the next message.
func (b *Broker) CreateSubscription(now time.Time, config *pubsubpb.Subscription) (*Subscription, error) {
	b.Advance(now)
	config = proto.CloneOf(config)
	if err := checkSubscription(config); err != nil {
		return nil, err
	}
	if b.subs[config.Name] != nil {
		return nil, exists(config.Name)
	}
	t := b.topics[config.Topic]
	if t == nil {
		return nil, notFound(config.Topic)
	}
	if err := b.checkDeadLetterTopic(config); err != nil {
		return nil, err
	}
	config.State = pubsubpb.Subscription_ACTIVE
	config.TopicMessageRetentionDuration = t.config.MessageRetentionDuration
	b.uid++
	s, err := b.addSubscription(b.uid, config, t.log, fullBelow(t.log.end()), fullBelow(t.log.end()))
	if err != nil {
		return nil, err
	}
	b.emit(b.subscriptionEvent(s))
	return s, nil
}

// addSubscription also restores one: acked and released say what it holds.
func (b *Broker) addSubscription(uid uint64, config *pubsubpb.Subscription, l *log, acked, released seqset) (*Subscription, error) {
	matches, err := filter.Parse(config.Filter)
	if err != nil {
		return nil, invalid("Invalid filter: %v", err)
	}
	s := &Subscription{uid: uid, config: config, log: l, filter: matches, used: b.now}
	s.reset(acked, released)
	b.subs[config.Name] = s
	if l != nil {
		l.subs = append(l.subs, s)
		s.takeHolds()
	}
	b.schedule(s)
	return s, nil
}

// reset forgets deliveries; what is not acked is to be delivered.
func (s *Subscription) reset(acked, released seqset) {
	s.acked, s.released = acked, released
	s.leases, s.attempts, s.keys = map[uint64]*lease{}, map[uint64]int{}, map[string]*keyQueue{}
	s.expiry, s.retries, s.returned, s.readyKeys = nil, nil, nil, nil
	s.cursor, s.backlog, s.bytes = 0, 0, 0
	if s.log == nil {
		return
	}
	for seq := s.acked.gap(s.log.base); seq < s.log.end(); seq = s.acked.gap(seq + 1) {
		if e := s.log.at(seq); e != nil {
			s.backlog++
			s.bytes += int64(e.size)
		}
	}
}

// takeHolds counts a new or restored subscription in what it has not released.
func (s *Subscription) takeHolds() {
	for seq := s.released.gap(s.log.base); seq < s.log.end(); seq = s.released.gap(seq + 1) {
		s.log.hold(seq)
	}
}

// letGo gives all holds back.
func (s *Subscription) letGo(b *Broker) {
	l := s.log
	for seq, end := s.released.gap(l.base), l.end(); seq < end; seq = s.released.gap(seq + 1) {
		l.release(b, seq)
	}
	for _, lease := range s.expiry {
		lease.consumer.give(lease)
	}
	s.released = fullBelow(l.end())
	s.reset(fullBelow(l.end()), s.released)
	l.subs = slices.DeleteFunc(l.subs, func(other *Subscription) bool { return other == s })
	s.log = nil
	if l.unused() {
		delete(b.logs, l.uid)
	}
}

// published tells the subscription of a new message.
func (s *Subscription) published(b *Broker, seq uint64, e *entry) {
	if !s.filter.Matches(e.message.Attributes) {
		s.acked.add(seq)
		s.released.add(seq)
		return
	}
	e.holders++
	s.backlog++
	s.bytes += int64(e.size)
	b.wake(s)
	if s.timed.index == 0 {
		b.schedule(s)
	}
}

// UpdateSubscription changes the fields of the mask.
func (b *Broker) UpdateSubscription(now time.Time, change *pubsubpb.Subscription, mask []string) (*Subscription, error) {
	b.Advance(now)
	s, err := b.Subscription(change.GetName())
	if err != nil {
		return nil, err
	}
	config := proto.CloneOf(s.config)
	if err := mergeSubscription(config, change, mask); err != nil {
		return nil, err
	}
	if err := checkSubscription(config); err != nil {
		return nil, err
	}
	if err := b.checkDeadLetterTopic(config); err != nil {
		return nil, err
	}
	b.setSubscription(s, config)
	b.emit(Event{Kind: subscriptionUpdated, Name: config.Name, Data: marshal(config)})
	return s, nil
}

func (b *Broker) setSubscription(s *Subscription, config *pubsubpb.Subscription) {
	before := s.config
	s.config = config
	if before.RetainAckedMessages && !config.RetainAckedMessages && s.log != nil {
		for seq := s.released.gap(s.log.base); seq < s.log.end(); seq = s.released.gap(seq + 1) {
			if s.acked.has(seq) {
				s.drop(b, seq)
			}
		}
	}
	b.schedule(s)
	b.wake(s)
}

// DeleteSubscription deletes it with its backlog.
func (b *Broker) DeleteSubscription(now time.Time, name string) error {
	b.Advance(now)
	s, err := b.Subscription(name)
	if err != nil {
		return err
	}
	b.removeSubscription(s)
	b.emit(Event{Kind: subscriptionDeleted, Name: name})
	return nil
}

func (b *Broker) removeSubscription(s *Subscription) {
	if s.log != nil {
		s.letGo(b)
	}
	s.gone = true
	delete(b.subs, s.config.Name)
	delete(b.documents, policyPrefix+s.config.Name)
	b.unschedule(s)
	b.wake(s)
}

// Detach drops the backlog and ends delivery; the resource stays.
func (b *Broker) Detach(now time.Time, name string) error {
	b.Advance(now)
	s, err := b.Subscription(name)
	if err != nil {
		return err
	}
	config := proto.CloneOf(s.config)
	config.Detached = true
	b.detach(s, config)
	b.emit(Event{Kind: subscriptionDetached, Name: name, Data: marshal(config)})
	return nil
}

func (b *Broker) detach(s *Subscription, config *pubsubpb.Subscription) {
	if s.log != nil {
		s.letGo(b)
	}
	s.config = config
	b.unschedule(s)
	b.wake(s)
}

func retention(config *pubsubpb.Subscription) time.Duration {
	return config.GetMessageRetentionDuration().AsDuration()
}

func duration(d *durationpb.Duration, otherwise time.Duration) time.Duration {
	if d == nil {
		return otherwise
	}
	return d.AsDuration()
}
