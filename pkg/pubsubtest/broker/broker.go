// Package broker is Google Pub/Sub as a value: topics, subscriptions, leases,
// order, retries, dead letters, retention, seek and snapshots, without
// network, goroutine or clock. Time comes in with each call, as now, and never
// goes back: an earlier now counts as the latest one.
//
//	now, request ─► Broker ─► answer
//	                   └────► Take: events for a journal, subscriptions to look at
//
// A caller holds one lock around a call and [Broker.Take]. What a call changed
// for good is in the events: [Broker.Restore] makes the same state from them
// after a crash, and [Broker.State] is a shorter list that does. Leases, and
// acknowledgements that wait behind an earlier message of their key, are not
// durable, except the leases of exactly-once subscriptions.
//
// Requests, answers and errors are the service's own: package pubsubpb and
// gRPC status codes.
package broker

import (
	"container/heap"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Options of a broker.
type Options struct {
	// Epoch tells acknowledgement ids of this start from those of earlier
	// ones: a random number.
	Epoch uint32
	// Durable: Take returns events. Without it they are not made.
	Durable bool
	// MaxBytes bounds the messages that are held; 0 is no bound. Beyond it
	// Publish answers ResourceExhausted until some are acknowledged; dead
	// letters are forwarded all the same.
	MaxBytes int64
	// EnforceDeadLetterGrants: a dead letter is only forwarded if the policies
	// grant it as the service demands (see Grants).
	EnforceDeadLetterGrants bool
}

// Broker holds all resources of all projects. Not safe for concurrent use.
type Broker struct {
	options   Options
	now       time.Time
	bytes     int64  // of messages that are held
	nonce     uint64 // of the last lease
	sequence  uint64 // of the last message, in all topics
	uid       uint64 // of the last log or subscription
	logs      map[uint64]*log
	topics    map[string]*Topic
	subs      map[string]*Subscription
	snapshots map[string]*Snapshot
	documents map[string][]byte // schemas and policies, by resource
	due       due
	changes   Changes
	restoring bool
}

// New returns an empty broker.
func New(options Options) *Broker {
	return &Broker{
		options: options, nonce: uint64(options.Epoch) << 32,
		logs: map[uint64]*log{}, topics: map[string]*Topic{}, subs: map[string]*Subscription{},
		snapshots: map[string]*Snapshot{}, documents: map[string][]byte{},
	}
}

// Changes is what calls did since the last Take.
type Changes struct {
	// Events are durable changes in their order, to be made durable together.
	Events []Event
	// Wake are subscriptions that may have something to deliver, or are gone.
	Wake []*Subscription
}

// Take returns the changes and forgets them.
func (b *Broker) Take() Changes {
	c := b.changes
	b.changes = Changes{}
	for _, s := range c.Wake {
		s.woken = false
	}
	return c
}

func (b *Broker) emit(e Event) {
	if b.durable() {
		b.changes.Events = append(b.changes.Events, e)
	}
}

func (b *Broker) durable() bool { return b.options.Durable && !b.restoring }

func (b *Broker) wake(s *Subscription) {
	if !s.woken && !b.restoring {
		s.woken = true
		b.changes.Wake = append(b.changes.Wake, s)
	}
}

// timed is something that must be looked at at a certain time.
type timed interface {
	next() time.Time // zero: never
	place() *place
	elapse(b *Broker, now time.Time)
}

// place is where a timed thing is in due.
type place struct {
	at    time.Time
	index int // plus 1; 0 is nowhere
}

// due is a heap of timed things.
type due []timed

func (d due) Len() int           { return len(d) }
func (d due) Less(i, j int) bool { return d[i].place().at.Before(d[j].place().at) }
func (d due) Swap(i, j int) {
	d[i], d[j] = d[j], d[i]
	d[i].place().index, d[j].place().index = i+1, j+1
}

func (d *due) Push(x any) {
	t := x.(timed)
	*d = append(*d, t)
	t.place().index = len(*d)
}

func (d *due) Pop() any {
	last := len(*d) - 1
	t := (*d)[last]
	(*d)[last] = nil
	*d = (*d)[:last]
	t.place().index = 0
	return t
}

// schedule puts t where its next time belongs.
func (b *Broker) schedule(t timed) {
	at, p := t.next(), t.place()
	switch {
	case at.IsZero() && p.index == 0:
	case at.IsZero():
		heap.Remove(&b.due, p.index-1)
	case p.index == 0:
		p.at = at
		heap.Push(&b.due, t)
	case !p.at.Equal(at):
		p.at = at
		heap.Fix(&b.due, p.index-1)
	}
}

func (b *Broker) unschedule(t timed) {
	if p := t.place(); p.index > 0 {
		heap.Remove(&b.due, p.index-1)
	}
}

// Next returns when Advance has something to do, if ever.
func (b *Broker) Next() (time.Time, bool) {
	if len(b.due) == 0 {
		return time.Time{}, false
	}
	return b.due[0].place().at, true
}

// Advance does what time does: leases and retentions end, retries become due.
// Each other method begins with it.
func (b *Broker) Advance(now time.Time) {
	if now.Before(b.now) {
		now = b.now
	}
	b.now = now
	for len(b.due) > 0 && !b.due[0].place().at.After(now) {
		t := b.due[0]
		t.elapse(b, now)
		b.schedule(t)
	}
}

func invalid(format string, args ...any) error {
	return status.Errorf(codes.InvalidArgument, format, args...)
}

func notFound(name string) error {
	return status.Errorf(codes.NotFound, "Resource not found (resource=%s).", name)
}

func exists(name string) error {
	return status.Errorf(codes.AlreadyExists, "Resource already exists in the project (resource=%s).", name)
}

func precondition(format string, args ...any) error {
	return status.Errorf(codes.FailedPrecondition, format, args...)
}

// InvalidAckIDs is the answer to a call for an exactly-once subscription: the
// reason for each id is in the details, where client libraries look for it.
func InvalidAckIDs(ids []string) error {
	reasons := make(map[string]string, len(ids))
	for _, id := range ids {
		reasons[id] = "PERMANENT_FAILURE_INVALID_ACK_ID"
	}
	s := status.New(codes.FailedPrecondition, "Some acknowledgement ids in the request were invalid. This could be because the acknowledgement ids have expired or the acknowledgement ids were malformed.")
	detailed, err := s.WithDetails(&errdetails.ErrorInfo{
		Reason: "EXACTLY_ONCE_ACKID_FAILURE", Domain: "pubsub.googleapis.com", Metadata: reasons,
	})
	if err != nil { // details of this type always marshal
		return s.Err()
	}
	return detailed.Err()
}
