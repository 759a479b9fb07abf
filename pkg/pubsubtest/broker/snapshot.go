package broker

import (
	"maps"
	"slices"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// A snapshot lives seven days, less the age of its oldest message; one that
// would live less than an hour is refused (reference of CreateSnapshot).
const (
	snapshotLife  = 7 * 24 * time.Hour
	snapshotLeast = time.Hour
)

// Snapshot is what a subscription had not acknowledged at a moment, and all
// that was published since.
type Snapshot struct {
	config *pubsubpb.Snapshot
	log    *log
	acked  seqset
	gone   bool
	timed  place
}

// Config returns the snapshot's resource, which must not be changed.
func (p *Snapshot) Config() *pubsubpb.Snapshot { return p.config }

// Snapshot returns the one of that name, or a NotFound status.
func (b *Broker) Snapshot(name string) (*Snapshot, error) {
	if p := b.snapshots[name]; p != nil {
		return p, nil
	}
	return nil, notFound(name)
}

// CreateSnapshot captures a subscription.
func (b *Broker) CreateSnapshot(now time.Time, name, subscription string, labels map[string]string) (*Snapshot, error) {
	b.Advance(now)
	if err := checkName(name, "snapshots"); err != nil {
		return nil, err
	}
	if b.snapshots[name] != nil {
		return nil, exists(name)
	}
	s, err := b.Subscription(subscription)
	if err != nil {
		return nil, err
	}
	if s.log == nil || s.log.topic == nil {
		return nil, precondition("The subscription %s has no topic.", subscription)
	}
	life := snapshotLife
	if e := s.log.at(s.acked.gap(s.log.base)); e != nil {
		life -= b.now.Sub(time.Unix(0, e.published))
	}
	if life < snapshotLeast {
		return nil, precondition("The snapshot would expire within an hour: the oldest unacknowledged message is too old.")
	}
	config := &pubsubpb.Snapshot{Name: name, Topic: s.config.Topic, ExpireTime: timestamppb.New(b.now.Add(life)), Labels: labels}
	p := b.addSnapshot(config, s.log, s.acked.clone())
	b.emit(snapshotEvent(p))
	return p, nil
}

func (b *Broker) addSnapshot(config *pubsubpb.Snapshot, l *log, acked seqset) *Snapshot {
	p := &Snapshot{config: config, log: l, acked: acked}
	b.snapshots[config.Name] = p
	l.snaps = append(l.snaps, p)
	for seq := p.acked.gap(l.base); seq < l.end(); seq = p.acked.gap(seq + 1) {
		l.hold(seq)
	}
	b.schedule(p)
	return p
}

// UpdateSnapshot changes labels and expiry.
func (b *Broker) UpdateSnapshot(now time.Time, change *pubsubpb.Snapshot, mask []string) (*Snapshot, error) {
	b.Advance(now)
	p, err := b.Snapshot(change.GetName())
	if err != nil {
		return nil, err
	}
	config := proto.CloneOf(p.config)
	if err := mergeSnapshot(config, change, mask); err != nil {
		return nil, err
	}
	b.setSnapshot(p, config)
	b.emit(Event{Kind: snapshotUpdated, Name: config.Name, Data: marshal(config)})
	return p, nil
}

func (b *Broker) setSnapshot(p *Snapshot, config *pubsubpb.Snapshot) {
	p.config = config
	b.schedule(p)
}

// DeleteSnapshot lets go of what only the snapshot had.
func (b *Broker) DeleteSnapshot(now time.Time, name string) error {
	b.Advance(now)
	p, err := b.Snapshot(name)
	if err != nil {
		return err
	}
	b.removeSnapshot(p)
	b.emit(Event{Kind: snapshotDeleted, Name: name})
	return nil
}

func (b *Broker) removeSnapshot(p *Snapshot) {
	p.gone = true
	delete(b.snapshots, p.config.Name)
	delete(b.documents, policyPrefix+p.config.Name)
	b.unschedule(p)
	l := p.log
	l.snaps = slices.DeleteFunc(l.snaps, func(other *Snapshot) bool { return other == p })
	for seq, end := p.acked.gap(l.base), l.end(); seq < end; seq = p.acked.gap(seq + 1) {
		l.release(b, seq)
	}
	if l.unused() {
		delete(b.logs, l.uid)
	}
}

func (p *Snapshot) next() time.Time {
	if p.gone {
		return time.Time{}
	}
	return p.config.ExpireTime.AsTime()
}

func (p *Snapshot) place() *place { return &p.timed }

func (p *Snapshot) elapse(b *Broker, now time.Time) {
	if !p.gone && !p.next().After(now) {
		b.removeSnapshot(p)
		b.emit(Event{Kind: snapshotDeleted, Name: p.config.Name})
	}
}

// Snapshots returns all snapshots of a project in order of their names.
func (b *Broker) Snapshots(project string) []*pubsubpb.Snapshot {
	var all []*pubsubpb.Snapshot
	for _, name := range slices.Sorted(maps.Keys(b.snapshots)) {
		if inProject(name, project) {
			all = append(all, b.snapshots[name].config)
		}
	}
	return all
}

// SnapshotsOf returns the names of a topic's snapshots.
func (b *Broker) SnapshotsOf(topic string) ([]string, error) {
	t, err := b.Topic(topic)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, p := range t.log.snaps {
		names = append(names, p.config.Name)
	}
	slices.Sort(names)
	return names, nil
}
