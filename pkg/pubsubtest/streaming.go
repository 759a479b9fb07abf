package pubsubtest

import (
	"errors"
	"io"
	"slices"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/provingground/provingground/pkg/pubsubtest/broker"
)

// stream is one StreamingPull: the handler's goroutine sends, another receives.
type stream struct {
	subscriber *subscriber
	sub        *broker.Subscription
	consumer   *broker.Consumer
	wire       pubsubpb.Subscriber_StreamingPullServer
	replies    chan *pubsubpb.StreamingPullResponse // confirmations and answers to pings
	ended      chan error                           // why no request will come
	broken     chan error                           // a fault
}

// StreamingPull sends messages as they come, within the flow control of the
// first request.
func (s *subscriber) StreamingPull(wire pubsubpb.Subscriber_StreamingPullServer) error {
	first, err := wire.Recv()
	if err != nil {
		return err
	}
	if err := checkFirst(first); err != nil {
		return err
	}
	sub, err := s.find(first.GetSubscription())
	if err != nil {
		return err
	}
	if _, err := s.faults.strike(wire.Context(), "StreamingPull", sub.Name()); err != nil {
		return err
	}
	t := &stream{
		subscriber: s, sub: sub, wire: wire, consumer: consumerOf(first),
		replies: make(chan *pubsubpb.StreamingPullResponse, 16), ended: make(chan error, 1),
		broken: s.faults.watch(sub.Name()),
	}
	defer s.faults.unwatch(sub.Name(), t.broken)
	l := s.engine.listen(sub)
	defer s.engine.unlisten(sub, l)
	t.open()
	defer t.close()
	// It ends when this handler returns and gRPC ends the stream; the server
	// waits for it.
	s.engine.running.Go(func() { t.ended <- t.receive(first) })
	return t.send(l)
}

func checkFirst(r *pubsubpb.StreamingPullRequest) error {
	switch deadline := r.GetStreamAckDeadlineSeconds(); {
	case r.GetSubscription() == "":
		return status.Error(codes.InvalidArgument, "The first request of a stream must name the subscription.")
	case deadline < 10 || deadline > 600:
		return status.Errorf(codes.InvalidArgument, "Invalid stream_ack_deadline_seconds %d: must be from 10 to 600.", deadline)
	case len(r.GetModifyDeadlineSeconds()) > 0 || len(r.GetAckIds()) > 0:
		return status.Error(codes.InvalidArgument, "The first request of a stream cannot acknowledge.")
	}
	return nil
}

func consumerOf(r *pubsubpb.StreamingPullRequest) *broker.Consumer {
	return &broker.Consumer{
		Stream: true, AckDeadline: time.Duration(r.GetStreamAckDeadlineSeconds()) * time.Second,
		MaxMessages: max(0, int(r.GetMaxOutstandingMessages())), MaxBytes: max(0, int(r.GetMaxOutstandingBytes())),
	}
}

func (t *stream) open() {
	_, _ = t.subscriber.engine.begin(func(b *broker.Broker, now time.Time) error {
		b.Open(now, t.sub)
		return nil
	})
}

func (t *stream) close() {
	_, _ = t.subscriber.engine.begin(func(b *broker.Broker, now time.Time) error {
		b.Close(now, t.sub, t.consumer)
		return nil
	})
}

// send is the only one that writes to the wire.
func (t *stream) send(l *listener) error {
	for {
		deliveries, err := t.subscriber.take(t.sub, t.consumer, broker.Limit{Messages: batchMessages, Bytes: batchBytes})
		if err != nil {
			return err
		}
		if len(deliveries) > 0 {
			if err := t.wire.Send(t.response(&pubsubpb.StreamingPullResponse{ReceivedMessages: received(deliveries)})); err != nil {
				return err
			}
			l.notify() // there may be more
		}
		if err := t.wait(l); err != nil {
			return ended(err)
		}
	}
}

// ended makes of io.EOF, a client that is done, a stream that ends well.
func ended(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// wait returns when there may be messages; it answers requests meanwhile.
func (t *stream) wait(l *listener) error {
	for {
		select {
		case reply := <-t.replies:
			if err := t.wire.Send(t.response(reply)); err != nil {
				return err
			}
		case <-l.woken:
			return nil
		case err := <-t.ended:
			return err
		case err := <-t.broken:
			return err
		case <-t.wire.Context().Done():
			return status.FromContextError(t.wire.Context().Err()).Err()
		case <-t.subscriber.engine.closing:
			return status.Error(codes.Unavailable, "the server is closing")
		}
	}
}

// response completes one: clients take properties that are missing for false.
func (t *stream) response(r *pubsubpb.StreamingPullResponse) *pubsubpb.StreamingPullResponse {
	t.subscriber.engine.mu.Lock()
	config := t.sub.Config()
	t.subscriber.engine.mu.Unlock()
	r.SubscriptionProperties = &pubsubpb.StreamingPullResponse_SubscriptionProperties{
		ExactlyOnceDeliveryEnabled: config.GetEnableExactlyOnceDelivery(), MessageOrderingEnabled: config.GetEnableMessageOrdering(),
	}
	return r
}

// receive handles requests until there is none. The first opened the stream and
// is answered too, as a sign of life.
func (t *stream) receive(r *pubsubpb.StreamingPullRequest) error {
	for {
		reply, err := t.handle(r)
		if err != nil {
			return err
		}
		if reply != nil {
			select {
			case t.replies <- reply:
			case <-t.wire.Context().Done():
				return t.wire.Context().Err()
			}
		}
		if r, err = t.wire.Recv(); err != nil {
			return err
		}
	}
}

func (t *stream) handle(r *pubsubpb.StreamingPullRequest) (*pubsubpb.StreamingPullResponse, error) {
	if len(r.GetModifyDeadlineAckIds()) != len(r.GetModifyDeadlineSeconds()) {
		return nil, status.Errorf(codes.InvalidArgument, "%d ids to modify, but %d deadlines.",
			len(r.GetModifyDeadlineAckIds()), len(r.GetModifyDeadlineSeconds()))
	}
	if d := r.GetStreamAckDeadlineSeconds(); d != 0 {
		if d < 10 || d > 600 {
			return nil, status.Errorf(codes.InvalidArgument, "Invalid stream_ack_deadline_seconds %d: must be from 10 to 600.", d)
		}
		t.subscriber.engine.mu.Lock()
		t.consumer.AckDeadline = time.Duration(d) * time.Second
		t.subscriber.engine.mu.Unlock()
	}
	if len(r.GetAckIds()) == 0 && len(r.GetModifyDeadlineAckIds()) == 0 {
		return &pubsubpb.StreamingPullResponse{}, nil // a ping
	}
	reply := &pubsubpb.StreamingPullResponse{}
	if err := t.acknowledge(r.GetAckIds(), reply); err != nil {
		return nil, err
	}
	if err := t.modify(r, reply); err != nil {
		return nil, err
	}
	if reply.AcknowledgeConfirmation == nil && reply.ModifyAckDeadlineConfirmation == nil {
		return nil, nil
	}
	return reply, nil
}

func (t *stream) acknowledge(ids []string, reply *pubsubpb.StreamingPullResponse) error {
	if len(ids) == 0 {
		return nil
	}
	refused, err := t.subscriber.acknowledge(t.sub.Name(), ids)
	if err != nil {
		return err
	}
	if t.confirms() {
		reply.AcknowledgeConfirmation = &pubsubpb.StreamingPullResponse_AcknowledgeConfirmation{
			AckIds: without(ids, refused), InvalidAckIds: refused,
		}
	}
	return nil
}

func (t *stream) modify(r *pubsubpb.StreamingPullRequest, reply *pubsubpb.StreamingPullResponse) error {
	ids := r.GetModifyDeadlineAckIds()
	var refused []string
	for i, id := range ids {
		no, err := t.subscriber.modify(t.sub.Name(), []string{id}, r.GetModifyDeadlineSeconds()[i])
		if err != nil {
			return err
		}
		refused = append(refused, no...)
	}
	if len(ids) > 0 && t.confirms() {
		reply.ModifyAckDeadlineConfirmation = &pubsubpb.StreamingPullResponse_ModifyAckDeadlineConfirmation{
			AckIds: without(ids, refused), InvalidAckIds: refused,
		}
	}
	return nil
}

func (t *stream) confirms() bool {
	t.subscriber.engine.mu.Lock()
	defer t.subscriber.engine.mu.Unlock()
	return t.sub.Config().GetEnableExactlyOnceDelivery()
}

func without(all, some []string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(id string) bool { return slices.Contains(some, id) })
}
