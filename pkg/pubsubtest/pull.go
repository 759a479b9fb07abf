package pubsubtest

import (
	"context"
	"slices"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/provingground/provingground/pkg/journal"
	"github.com/provingground/provingground/pkg/pubsubtest/broker"
)

// One answer has at most so much, so that several streams share a backlog and
// none holds the lock for long.
const (
	batchMessages = 500
	batchBytes    = 1 << 20
	// pullPatience is how long Pull waits for a first message.
	pullPatience = 90 * time.Second
)

// Pull waits for a message, unless it should return at once, and returns what
// there is then.
func (s *subscriber) Pull(ctx context.Context, r *pubsubpb.PullRequest) (*pubsubpb.PullResponse, error) {
	if r.GetMaxMessages() <= 0 {
		return nil, status.Errorf(codes.InvalidArgument, "Invalid max_messages %d: must be positive.", r.GetMaxMessages())
	}
	sub, err := s.find(r.GetSubscription())
	if err != nil {
		return nil, err
	}
	l := s.engine.listen(sub)
	defer s.engine.unlisten(sub, l)
	patience, stop := s.engine.clock.At(s.engine.clock.Now().Add(pullPatience))
	defer stop()
	limit := broker.Limit{Messages: min(int(r.GetMaxMessages()), batchMessages*2), Bytes: 4 * batchBytes}
	for {
		deliveries, err := s.take(sub, &broker.Consumer{}, limit)
		//lint:ignore SA1019 the service still has it, and clients use it
		if err != nil || len(deliveries) > 0 || r.GetReturnImmediately() {
			return &pubsubpb.PullResponse{ReceivedMessages: received(deliveries)}, err
		}
		select {
		case <-l.woken:
		case <-patience:
			return &pubsubpb.PullResponse{}, nil
		case <-ctx.Done():
			return nil, status.FromContextError(ctx.Err()).Err()
		case <-s.engine.closing:
			return nil, status.Error(codes.Unavailable, "the server is closing")
		}
	}
}

// find returns a subscription that can be pulled from.
func (s *subscriber) find(name string) (*broker.Subscription, error) {
	var found *broker.Subscription
	err := s.engine.change(func(b *broker.Broker, _ time.Time) (err error) {
		if found, err = b.Subscription(name); err != nil {
			return err
		}
		return pullable(found)
	})
	return found, err
}

// pullable says why a subscription cannot be pulled from. It is called with
// the engine's lock held.
func pullable(s *broker.Subscription) error {
	switch {
	case s.Config().GetDetached():
		return status.Errorf(codes.FailedPrecondition, "The subscription %s is detached.", s.Name())
	case s.Gone():
		return status.Errorf(codes.NotFound, "Resource not found (resource=%s).", s.Name())
	case s.Config().GetPushConfig().GetPushEndpoint() != "":
		return status.Errorf(codes.FailedPrecondition, "The subscription %s is a push subscription.", s.Name())
	}
	return nil
}

// take leases messages and returns when they may be shown.
func (s *subscriber) take(sub *broker.Subscription, c *broker.Consumer, limit broker.Limit) ([]broker.Delivery, error) {
	deliveries, ticket, err := s.lease(sub, c, limit)
	if err != nil || len(deliveries) == 0 {
		return nil, err
	}
	return deliveries, s.engine.durable(ticket)
}

func (s *subscriber) lease(sub *broker.Subscription, c *broker.Consumer, limit broker.Limit) ([]broker.Delivery, journal.Ticket, error) {
	var deliveries []broker.Delivery
	ticket, err := s.engine.begin(func(b *broker.Broker, now time.Time) error {
		if err := pullable(sub); err != nil {
			return err
		}
		deliveries = s.faults.misdeliver(b, sub, b.Pull(now, sub, c, limit))
		return nil
	})
	return deliveries, ticket, err
}

func received(deliveries []broker.Delivery) []*pubsubpb.ReceivedMessage {
	all := slices.Grow([]*pubsubpb.ReceivedMessage(nil), len(deliveries))
	for _, d := range deliveries {
		all = append(all, &pubsubpb.ReceivedMessage{AckId: d.AckID, Message: d.Message, DeliveryAttempt: int32(d.Attempt)})
	}
	return all
}
