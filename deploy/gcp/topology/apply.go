package topology

import (
	"context"
	"errors"
	"fmt"

	pubsub "cloud.google.com/go/pubsub/v2/apiv1"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
)

// Local returns the options for clients of a server at host:port that speaks
// plain text and knows nobody: the value of PUBSUB_EMULATOR_HOST.
func Local(host string) []option.ClientOption {
	return []option.ClientOption{
		option.WithEndpoint(host), option.WithoutAuthentication(), option.WithTelemetryDisabled(),
		option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())),
	}
}

// Apply makes what is missing, updates what differs, and gives the Pub/Sub
// service agent the two grants that each dead-letter policy needs. It removes
// nothing. What cannot be changed in place (a subscription's topic, its order,
// its filter) and differs is an error. ProjectNumber names the agent.
//
// It may run again at any time, and after an error.
func (t *Topology) Apply(ctx context.Context, projectNumber string, options ...option.ClientOption) (err error) {
	a := applier{agent: agent(projectNumber)}
	if a.topics, err = pubsub.NewTopicAdminClient(ctx, options...); err != nil {
		return fmt.Errorf("topology: %w", err)
	}
	defer a.topics.Close()
	if a.subscriptions, err = pubsub.NewSubscriptionAdminClient(ctx, options...); err != nil {
		return fmt.Errorf("topology: %w", err)
	}
	defer a.subscriptions.Close()
	for _, topic := range t.Topics {
		if err := a.topic(ctx, topic); err != nil {
			return fmt.Errorf("topology: %s: %w", topic.Name, err)
		}
	}
	for _, s := range t.Subscriptions {
		if err := a.subscription(ctx, s); err != nil {
			return fmt.Errorf("topology: %s: %w", s.Name, err)
		}
	}
	return nil
}

type applier struct {
	topics        *pubsub.TopicAdminClient
	subscriptions *pubsub.SubscriptionAdminClient
	agent         string // member of policies
}

func (a *applier) topic(ctx context.Context, topic *pubsubpb.Topic) error {
	_, err := a.topics.CreateTopic(ctx, topic)
	if status.Code(err) != codes.AlreadyExists {
		return err
	}
	mask := named(map[string]bool{
		"labels":                     true,
		"message_retention_duration": topic.MessageRetentionDuration != nil,
		"schema_settings":            topic.SchemaSettings != nil,
	})
	_, err = a.topics.UpdateTopic(ctx, &pubsubpb.UpdateTopicRequest{Topic: topic, UpdateMask: mask})
	if status.Code(err) == codes.Unimplemented {
		return nil // Google's emulator
	}
	return err
}

func (a *applier) subscription(ctx context.Context, s *pubsubpb.Subscription) error {
	_, err := a.subscriptions.CreateSubscription(ctx, s)
	if status.Code(err) == codes.AlreadyExists {
		err = a.update(ctx, s)
	}
	if err != nil || s.DeadLetterPolicy == nil {
		return err
	}
	return errors.Join(
		a.grant(ctx, a.topics, s.DeadLetterPolicy.DeadLetterTopic, "roles/pubsub.publisher"),
		a.grant(ctx, a.subscriptions, s.Name, "roles/pubsub.subscriber"),
	)
}

// update sends what has a value in the file, and what means something by being
// absent. The rest keeps the value that the service chose.
func (a *applier) update(ctx context.Context, s *pubsubpb.Subscription) error {
	there, err := a.subscriptions.GetSubscription(ctx, &pubsubpb.GetSubscriptionRequest{Subscription: s.Name})
	if err != nil {
		return err
	}
	if there.Topic != s.Topic || there.EnableMessageOrdering != s.EnableMessageOrdering || there.Filter != s.Filter {
		return errors.New("its topic, order or filter differs, which cannot be changed: delete it first, with what it holds, or give it another name")
	}
	mask := named(map[string]bool{
		"labels":                       true,
		"dead_letter_policy":           true,
		"retry_policy":                 true,
		"push_config":                  true,
		"enable_exactly_once_delivery": true,
		"ack_deadline_seconds":         s.AckDeadlineSeconds != 0,
		"message_retention_duration":   s.MessageRetentionDuration != nil,
		"retain_acked_messages":        s.RetainAckedMessages,
		"expiration_policy":            s.ExpirationPolicy != nil,
	})
	_, err = a.subscriptions.UpdateSubscription(ctx, &pubsubpb.UpdateSubscriptionRequest{Subscription: s, UpdateMask: mask})
	return err
}

func named(fields map[string]bool) *fieldmaskpb.FieldMask {
	mask := &fieldmaskpb.FieldMask{}
	for name, wanted := range fields {
		if wanted {
			mask.Paths = append(mask.Paths, name)
		}
	}
	mask.Normalize()
	return mask
}
