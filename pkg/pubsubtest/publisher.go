package pubsubtest

import (
	"context"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/provingground/provingground/pkg/pubsubtest/broker"
)

// publisher is the service google.pubsub.v1.Publisher.
type publisher struct {
	pubsubpb.UnimplementedPublisherServer
	engine  *engine
	schemas *schemas
}

func (p *publisher) CreateTopic(_ context.Context, t *pubsubpb.Topic) (*pubsubpb.Topic, error) {
	return p.topic(func(b *broker.Broker, now time.Time) (*broker.Topic, error) { return b.CreateTopic(now, t) })
}

func (p *publisher) UpdateTopic(_ context.Context, r *pubsubpb.UpdateTopicRequest) (*pubsubpb.Topic, error) {
	return p.topic(func(b *broker.Broker, now time.Time) (*broker.Topic, error) {
		return b.UpdateTopic(now, r.GetTopic(), r.GetUpdateMask().GetPaths())
	})
}

func (p *publisher) GetTopic(_ context.Context, r *pubsubpb.GetTopicRequest) (*pubsubpb.Topic, error) {
	return p.topic(func(b *broker.Broker, _ time.Time) (*broker.Topic, error) { return b.Topic(r.GetTopic()) })
}

func (p *publisher) topic(f func(*broker.Broker, time.Time) (*broker.Topic, error)) (*pubsubpb.Topic, error) {
	var config *pubsubpb.Topic
	err := p.engine.change(func(b *broker.Broker, now time.Time) error {
		t, err := f(b, now)
		if err == nil {
			config = t.Config()
		}
		return err
	})
	return config, err
}

func (p *publisher) DeleteTopic(_ context.Context, r *pubsubpb.DeleteTopicRequest) (*emptypb.Empty, error) {
	return &emptypb.Empty{}, p.engine.change(func(b *broker.Broker, now time.Time) error {
		return b.DeleteTopic(now, r.GetTopic())
	})
}

func (p *publisher) Publish(_ context.Context, r *pubsubpb.PublishRequest) (*pubsubpb.PublishResponse, error) {
	if err := p.schemas.checkMessages(r.GetTopic(), r.GetMessages()); err != nil {
		return nil, err
	}
	var ids []string
	err := p.engine.change(func(b *broker.Broker, now time.Time) (err error) {
		ids, err = b.Publish(now, r.GetTopic(), r.GetMessages())
		return err
	})
	return &pubsubpb.PublishResponse{MessageIds: ids}, err
}

func (p *publisher) ListTopics(_ context.Context, r *pubsubpb.ListTopicsRequest) (*pubsubpb.ListTopicsResponse, error) {
	response := &pubsubpb.ListTopicsResponse{}
	return response, p.engine.change(func(b *broker.Broker, _ time.Time) (err error) {
		response.Topics, response.NextPageToken, err = page(b.Topics(r.GetProject()), r.GetPageSize(), r.GetPageToken())
		return err
	})
}

func (p *publisher) ListTopicSubscriptions(_ context.Context, r *pubsubpb.ListTopicSubscriptionsRequest) (*pubsubpb.ListTopicSubscriptionsResponse, error) {
	response := &pubsubpb.ListTopicSubscriptionsResponse{}
	return response, p.engine.change(func(b *broker.Broker, _ time.Time) error {
		names, err := b.SubscriptionsOf(r.GetTopic())
		if err != nil {
			return err
		}
		response.Subscriptions, response.NextPageToken, err = page(names, r.GetPageSize(), r.GetPageToken())
		return err
	})
}

func (p *publisher) ListTopicSnapshots(_ context.Context, r *pubsubpb.ListTopicSnapshotsRequest) (*pubsubpb.ListTopicSnapshotsResponse, error) {
	response := &pubsubpb.ListTopicSnapshotsResponse{}
	return response, p.engine.change(func(b *broker.Broker, _ time.Time) error {
		names, err := b.SnapshotsOf(r.GetTopic())
		if err != nil {
			return err
		}
		response.Snapshots, response.NextPageToken, err = page(names, r.GetPageSize(), r.GetPageToken())
		return err
	})
}

func (p *publisher) DetachSubscription(_ context.Context, r *pubsubpb.DetachSubscriptionRequest) (*pubsubpb.DetachSubscriptionResponse, error) {
	return &pubsubpb.DetachSubscriptionResponse{}, p.engine.change(func(b *broker.Broker, now time.Time) error {
		return b.Detach(now, r.GetSubscription())
	})
}
