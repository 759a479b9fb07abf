package pubsubtest

import (
	"context"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/provingground/provingground/pkg/pubsubtest/broker"
)

// subscriber is the service google.pubsub.v1.Subscriber.
type subscriber struct {
	pubsubpb.UnimplementedSubscriberServer
	engine *engine
	faults *faults
}

func (s *subscriber) CreateSubscription(_ context.Context, config *pubsubpb.Subscription) (*pubsubpb.Subscription, error) {
	if err := checkPush(config.GetPushConfig()); err != nil {
		return nil, err
	}
	return s.subscription(func(b *broker.Broker, now time.Time) (*broker.Subscription, error) {
		return b.CreateSubscription(now, config)
	})
}

func (s *subscriber) GetSubscription(_ context.Context, r *pubsubpb.GetSubscriptionRequest) (*pubsubpb.Subscription, error) {
	return s.subscription(func(b *broker.Broker, _ time.Time) (*broker.Subscription, error) {
		return b.Subscription(r.GetSubscription())
	})
}

func (s *subscriber) UpdateSubscription(_ context.Context, r *pubsubpb.UpdateSubscriptionRequest) (*pubsubpb.Subscription, error) {
	if err := checkPush(r.GetSubscription().GetPushConfig()); err != nil {
		return nil, err
	}
	return s.subscription(func(b *broker.Broker, now time.Time) (*broker.Subscription, error) {
		return b.UpdateSubscription(now, r.GetSubscription(), r.GetUpdateMask().GetPaths())
	})
}

func (s *subscriber) ModifyPushConfig(_ context.Context, r *pubsubpb.ModifyPushConfigRequest) (*emptypb.Empty, error) {
	if err := checkPush(r.GetPushConfig()); err != nil {
		return nil, err
	}
	_, err := s.subscription(func(b *broker.Broker, now time.Time) (*broker.Subscription, error) {
		change := &pubsubpb.Subscription{Name: r.GetSubscription(), PushConfig: r.GetPushConfig()}
		return b.UpdateSubscription(now, change, []string{"push_config"})
	})
	return &emptypb.Empty{}, err
}

func (s *subscriber) subscription(f func(*broker.Broker, time.Time) (*broker.Subscription, error)) (*pubsubpb.Subscription, error) {
	var config *pubsubpb.Subscription
	err := s.engine.change(func(b *broker.Broker, now time.Time) error {
		found, err := f(b, now)
		if err == nil {
			config = found.Config()
		}
		return err
	})
	return config, err
}

func (s *subscriber) ListSubscriptions(_ context.Context, r *pubsubpb.ListSubscriptionsRequest) (*pubsubpb.ListSubscriptionsResponse, error) {
	response := &pubsubpb.ListSubscriptionsResponse{}
	return response, s.engine.change(func(b *broker.Broker, _ time.Time) (err error) {
		response.Subscriptions, response.NextPageToken, err = page(b.Subscriptions(r.GetProject()), r.GetPageSize(), r.GetPageToken())
		return err
	})
}

func (s *subscriber) DeleteSubscription(_ context.Context, r *pubsubpb.DeleteSubscriptionRequest) (*emptypb.Empty, error) {
	return &emptypb.Empty{}, s.engine.change(func(b *broker.Broker, now time.Time) error {
		return b.DeleteSubscription(now, r.GetSubscription())
	})
}

func (s *subscriber) Acknowledge(_ context.Context, r *pubsubpb.AcknowledgeRequest) (*emptypb.Empty, error) {
	refused, err := s.acknowledge(r.GetSubscription(), r.GetAckIds())
	if err == nil && len(refused) > 0 {
		err = broker.InvalidAckIDs(refused)
	}
	return &emptypb.Empty{}, err
}

func (s *subscriber) acknowledge(name string, ids []string) (refused []string, err error) {
	err = s.engine.change(func(b *broker.Broker, now time.Time) error {
		found, err := b.Subscription(name)
		if err != nil {
			return err
		}
		refused, err = b.Acknowledge(now, found, ids)
		return err
	})
	return refused, err
}

func (s *subscriber) ModifyAckDeadline(_ context.Context, r *pubsubpb.ModifyAckDeadlineRequest) (*emptypb.Empty, error) {
	refused, err := s.modify(r.GetSubscription(), r.GetAckIds(), r.GetAckDeadlineSeconds())
	if err == nil && len(refused) > 0 {
		err = broker.InvalidAckIDs(refused)
	}
	return &emptypb.Empty{}, err
}

func (s *subscriber) modify(name string, ids []string, seconds int32) (refused []string, err error) {
	err = s.engine.change(func(b *broker.Broker, now time.Time) error {
		found, err := b.Subscription(name)
		if err != nil {
			return err
		}
		refused, err = b.ModifyAckDeadline(now, found, ids, time.Duration(seconds)*time.Second)
		return err
	})
	return refused, err
}

func (s *subscriber) GetSnapshot(_ context.Context, r *pubsubpb.GetSnapshotRequest) (*pubsubpb.Snapshot, error) {
	return s.snapshot(func(b *broker.Broker, _ time.Time) (*broker.Snapshot, error) { return b.Snapshot(r.GetSnapshot()) })
}

func (s *subscriber) CreateSnapshot(_ context.Context, r *pubsubpb.CreateSnapshotRequest) (*pubsubpb.Snapshot, error) {
	return s.snapshot(func(b *broker.Broker, now time.Time) (*broker.Snapshot, error) {
		return b.CreateSnapshot(now, r.GetName(), r.GetSubscription(), r.GetLabels())
	})
}

func (s *subscriber) UpdateSnapshot(_ context.Context, r *pubsubpb.UpdateSnapshotRequest) (*pubsubpb.Snapshot, error) {
	return s.snapshot(func(b *broker.Broker, now time.Time) (*broker.Snapshot, error) {
		return b.UpdateSnapshot(now, r.GetSnapshot(), r.GetUpdateMask().GetPaths())
	})
}

func (s *subscriber) snapshot(f func(*broker.Broker, time.Time) (*broker.Snapshot, error)) (*pubsubpb.Snapshot, error) {
	var config *pubsubpb.Snapshot
	err := s.engine.change(func(b *broker.Broker, now time.Time) error {
		found, err := f(b, now)
		if err == nil {
			config = found.Config()
		}
		return err
	})
	return config, err
}

func (s *subscriber) DeleteSnapshot(_ context.Context, r *pubsubpb.DeleteSnapshotRequest) (*emptypb.Empty, error) {
	return &emptypb.Empty{}, s.engine.change(func(b *broker.Broker, now time.Time) error {
		return b.DeleteSnapshot(now, r.GetSnapshot())
	})
}

func (s *subscriber) ListSnapshots(_ context.Context, r *pubsubpb.ListSnapshotsRequest) (*pubsubpb.ListSnapshotsResponse, error) {
	response := &pubsubpb.ListSnapshotsResponse{}
	return response, s.engine.change(func(b *broker.Broker, _ time.Time) (err error) {
		response.Snapshots, response.NextPageToken, err = page(b.Snapshots(r.GetProject()), r.GetPageSize(), r.GetPageToken())
		return err
	})
}

func (s *subscriber) Seek(_ context.Context, r *pubsubpb.SeekRequest) (*pubsubpb.SeekResponse, error) {
	return &pubsubpb.SeekResponse{}, s.engine.change(func(b *broker.Broker, now time.Time) error {
		found, err := b.Subscription(r.GetSubscription())
		if err != nil {
			return err
		}
		switch target := r.GetTarget().(type) {
		case *pubsubpb.SeekRequest_Time:
			if !target.Time.IsValid() {
				return status.Error(codes.InvalidArgument, "Invalid time to seek to.")
			}
			return b.SeekToTime(now, found, target.Time.AsTime())
		case *pubsubpb.SeekRequest_Snapshot:
			return b.SeekToSnapshot(now, found, target.Snapshot)
		}
		return status.Error(codes.InvalidArgument, "Nothing to seek to: give a time or a snapshot.")
	})
}
