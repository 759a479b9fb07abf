package broker

import (
	"maps"
	"slices"
	"strconv"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// Topic is a name under which messages are published.
type Topic struct {
	config *pubsubpb.Topic // replaced, never changed
	log    *log
	keeps  bool   // for its own retention
	kept   uint64 // from here on
	timed  place
}

// Config returns the topic's resource, which must not be changed.
func (t *Topic) Config() *pubsubpb.Topic { return t.config }

// Topic returns the one of that name, or a NotFound status.
func (b *Broker) Topic(name string) (*Topic, error) {
	if t := b.topics[name]; t != nil {
		return t, nil
	}
	return nil, notFound(name)
}

// CreateTopic makes a topic without subscriptions.
func (b *Broker) CreateTopic(now time.Time, config *pubsubpb.Topic) (*Topic, error) {
	b.Advance(now)
	if err := checkTopic(config); err != nil {
		return nil, err
	}
	if b.topics[config.Name] != nil {
		return nil, exists(config.Name)
	}
	if err := b.checkSchemaSettings(config); err != nil {
		return nil, err
	}
	b.uid++
	config = proto.CloneOf(config)
	config.State = pubsubpb.Topic_ACTIVE
	t := b.addTopic(config, b.addLog(b.uid, config.Name, 0))
	b.emit(Event{Kind: topicCreated, Name: config.Name, UID: t.log.uid, Data: marshal(config)})
	return t, nil
}

func (b *Broker) addLog(uid uint64, name string, base uint64) *log {
	l := &log{uid: uid, name: name, base: base}
	b.logs[uid] = l
	return l
}

func (b *Broker) addTopic(config *pubsubpb.Topic, l *log) *Topic {
	t := &Topic{log: l}
	l.topic = t
	b.topics[config.Name] = t
	b.setTopic(t, config)
	return t
}

// UpdateTopic changes the fields of the mask.
func (b *Broker) UpdateTopic(now time.Time, change *pubsubpb.Topic, mask []string) (*Topic, error) {
	b.Advance(now)
	t, err := b.Topic(change.GetName())
	if err != nil {
		return nil, err
	}
	config := proto.CloneOf(t.config)
	if err := mergeTopic(config, change, mask); err != nil {
		return nil, err
	}
	if err := checkTopic(config); err != nil {
		return nil, err
	}
	if err := b.checkSchemaSettings(config); err != nil {
		return nil, err
	}
	b.setTopic(t, config)
	b.emit(Event{Kind: topicUpdated, Name: config.Name, Data: marshal(config)})
	return t, nil
}

func (b *Broker) setTopic(t *Topic, config *pubsubpb.Topic) {
	t.config = config
	keeps := config.MessageRetentionDuration != nil
	switch {
	case keeps && !t.keeps:
		t.kept = t.log.end()
	case !keeps && t.keeps:
		for seq, end := t.kept, t.log.end(); seq < end; seq++ {
			t.log.release(b, seq)
		}
	}
	t.keeps = keeps
	for _, s := range t.log.subs {
		s.config = proto.CloneOf(s.config)
		s.config.TopicMessageRetentionDuration = config.MessageRetentionDuration
	}
	b.schedule(t)
}

// DeleteTopic deletes the name; subscriptions keep what they have.
func (b *Broker) DeleteTopic(now time.Time, name string) error {
	b.Advance(now)
	t, err := b.Topic(name)
	if err != nil {
		return err
	}
	b.removeTopic(t)
	b.emit(Event{Kind: topicDeleted, Name: name})
	return nil
}

func (b *Broker) removeTopic(t *Topic) {
	delete(b.topics, t.config.Name)
	delete(b.documents, policyPrefix+t.config.Name)
	b.unschedule(t)
	l := t.log
	l.topic = nil
	if t.keeps {
		for seq, end := t.kept, l.end(); seq < end; seq++ {
			l.release(b, seq)
		}
	}
	for _, s := range l.subs {
		s.config = proto.CloneOf(s.config)
		s.config.Topic = deletedTopic
		s.config.TopicMessageRetentionDuration = nil
	}
	if l.unused() {
		delete(b.logs, l.uid)
	}
}

// Publish appends messages, which it keeps and completes with id and time,
// and returns their ids. It takes all or none.
func (b *Broker) Publish(now time.Time, topic string, messages []*pubsubpb.PubsubMessage) ([]string, error) {
	b.Advance(now)
	t, err := b.Topic(topic)
	if err != nil {
		return nil, err
	}
	if err := checkMessages(messages); err != nil {
		return nil, err
	}
	if limit := b.options.MaxBytes; limit > 0 && b.bytes >= limit {
		return nil, status.Errorf(codes.ResourceExhausted, "%d bytes of messages are held, limit %d.", b.bytes, limit)
	}
	return b.publish(t.log, messages), nil
}

func (b *Broker) publish(l *log, messages []*pubsubpb.PubsubMessage) []string {
	// In one topic later messages never have an earlier time: seek searches.
	at := timestamppb.New(time.Unix(0, max(b.now.UnixNano(), l.last)))
	ids := make([]string, len(messages))
	first := l.end()
	for i, m := range messages {
		b.sequence++
		m.MessageId = strconv.FormatUint(firstID+b.sequence, 10)
		m.PublishTime = at
		ids[i] = m.MessageId
		b.enter(l, m)
	}
	if b.durable() {
		b.emit(publishedEvent(l.uid, first, messages))
	}
	l.trim()
	return ids
}

// enter puts one message into a log and before all who hold it.
func (b *Broker) enter(l *log, m *pubsubpb.PubsubMessage) {
	seq, e := l.append(m)
	b.bytes += int64(e.size)
	for _, s := range l.subs {
		s.published(b, seq, e)
	}
	e.holders += int32(len(l.snaps))
	if l.topic != nil && l.topic.keeps {
		e.holders++
		if l.topic.timed.index == 0 {
			b.schedule(l.topic)
		}
	}
	if e.holders == 0 && !b.restoring {
		b.free(e)
	}
}

// Topics returns all topics of a project, "projects/p", in order of their names.
func (b *Broker) Topics(project string) []*pubsubpb.Topic {
	var all []*pubsubpb.Topic
	for _, name := range slices.Sorted(maps.Keys(b.topics)) {
		if inProject(name, project) {
			all = append(all, b.topics[name].config)
		}
	}
	return all
}

// Subscriptions returns all subscriptions of a project in order of their names.
func (b *Broker) Subscriptions(project string) []*pubsubpb.Subscription {
	var all []*pubsubpb.Subscription
	for _, name := range slices.Sorted(maps.Keys(b.subs)) {
		if inProject(name, project) {
			all = append(all, b.subs[name].config)
		}
	}
	return all
}

// SubscriptionsOf returns the names of a topic's attached subscriptions.
func (b *Broker) SubscriptionsOf(topic string) ([]string, error) {
	t, err := b.Topic(topic)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, s := range t.log.subs {
		names = append(names, s.config.Name)
	}
	slices.Sort(names)
	return names, nil
}

// All returns all subscriptions, in no order.
func (b *Broker) All() []*Subscription { return slices.Collect(maps.Values(b.subs)) }
