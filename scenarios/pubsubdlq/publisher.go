package pubsubdlq

import (
	"context"
	"errors"
	"fmt"
	"time"

	"cloud.google.com/go/pubsub/v2"
)

// The publisher's bounds. Its client gives up before its caller does.
const (
	publishTimeout = 2500 * time.Millisecond
	publishDelay   = 2 * time.Millisecond // a batch waits so long for more
	publishQueue   = 2000                 // messages that wait for the server
)

// newTopic returns a publisher to a topic. With ordering each message's key is kept.
func newTopic(client *pubsub.Client, name string, ordering bool) *pubsub.Publisher {
	p := client.Publisher(name)
	p.EnableMessageOrdering = ordering
	p.PublishSettings.DelayThreshold = publishDelay
	p.PublishSettings.Timeout = publishTimeout
	p.PublishSettings.FlowControlSettings = pubsub.FlowControlSettings{
		MaxOutstandingMessages: publishQueue, MaxOutstandingBytes: 64 << 20, LimitExceededBehavior: pubsub.FlowControlSignalError,
	}
	return p
}

// publish returns when the topic has the message. ErrUnavailable promises that it
// does not; of other errors nobody knows.
func publish(ctx context.Context, topic *pubsub.Publisher, m *pubsub.Message) error {
	_, err := topic.Publish(ctx, m).Get(ctx)
	if err == nil {
		return nil
	}
	if m.OrderingKey != "" {
		// A failure stops the key in this client until it is told to go on. The next
		// event stands for itself here, so it does at once.
		topic.ResumePublish(m.OrderingKey)
	}
	if errors.Is(err, pubsub.ErrFlowControllerMaxOutstandingMessages) || errors.Is(err, pubsub.ErrFlowControllerMaxOutstandingBytes) || isPaused(err) {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return fmt.Errorf("publish: %w", err)
}

func isPaused(err error) bool {
	var paused pubsub.ErrPublishingPaused
	return errors.As(err, &paused)
}
