// Package pubsubproducer publishes to Google Pub/Sub for somebody who waits, such
// as the client of an HTTP request: it ends soon, and says how it ended.
//
// The library's client repeats a failed publish after 0.1 s, then 0.4 s, 1.6 s and
// 6.4 s: with a caller that waits three seconds that is four attempts. [Open] makes
// it repeat soon and often instead.
//
// After a failed publish with an ordering key the client refuses everything for
// that key until it is told to go on, because it cannot know whether what follows
// may overtake what failed. Here it may: each message stands for itself, and whoever
// sent the failed one was told so. [Topic.Publish] resumes the key at each failure;
// what waited behind it was never sent, and its error is [ErrNotAttempted].
//
// Delivery is at least once: a repeated attempt whose first answer was lost is in
// the topic twice. Consumers need an inbox.
package pubsubproducer

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"cloud.google.com/go/pubsub/v2"
	vkit "cloud.google.com/go/pubsub/v2/apiv1"
	"github.com/googleapis/gax-go/v2"
	"google.golang.org/api/option"
	"google.golang.org/grpc/codes"
)

// ErrNotAttempted promises that Pub/Sub never saw the message.
var ErrNotAttempted = errors.New("nothing was done")

const (
	firstPause = 50 * time.Millisecond // before the first repetition; a random part of it
	lastPause  = 400 * time.Millisecond

	maxWaiting      = 2000 // messages that wait in one process; the next one is refused
	maxWaitingBytes = 64 << 20
	maxBatch        = 100
	maxBatchBytes   = 1 << 20 // a tenth of what a request may have
)

// Open returns a client whose publishes are repeated soon. It lives until it is
// closed, not as long as ctx: what is to be published may be so after ctx ended.
func Open(ctx context.Context, project string, options ...option.ClientOption) (*pubsub.Client, error) {
	config := &pubsub.ClientConfig{TopicAdminCallOptions: &vkit.TopicAdminCallOptions{
		Publish: []gax.CallOption{gax.WithRetry(retryer)},
	}}
	return pubsub.NewClientWithConfig(context.WithoutCancel(ctx), project, config, append(options, option.WithTelemetryDisabled())...)
}

// retryer repeats on the codes that the library repeats on.
func retryer() gax.Retryer {
	again := []codes.Code{
		codes.Aborted, codes.Canceled, codes.Internal, codes.ResourceExhausted, codes.Unknown, codes.Unavailable, codes.DeadlineExceeded,
	}
	return gax.OnCodes(again, gax.Backoff{Initial: firstPause, Max: lastPause, Multiplier: 2})
}

// Topic is where messages go.
type Topic struct {
	*pubsub.Publisher
	// Resumed, if set, is called each time a blocked ordering key was resumed.
	Resumed func()
	// Attributes, if set, returns attributes that Publish adds to a message, such as
	// what its context says of the request that sent it. They replace the message's own.
	Attributes func(ctx context.Context) map[string]string
}

// NewTopic returns a topic of the client, by its id or full name. Messages keep
// their ordering keys if ordered; a message without one is in no order. A publish
// ends after timeout at the latest, all its repetitions included. A batch waits for
// delay for more of the same key; what comes while one is under way is the next.
// 2,000 messages or 64 MB may wait.
func NewTopic(client *pubsub.Client, name string, ordered bool, timeout, delay time.Duration) *Topic {
	p := client.Publisher(name)
	p.EnableMessageOrdering = ordered
	p.PublishSettings.DelayThreshold = delay
	p.PublishSettings.CountThreshold = maxBatch
	p.PublishSettings.ByteThreshold = maxBatchBytes
	p.PublishSettings.Timeout = timeout
	p.PublishSettings.FlowControlSettings = pubsub.FlowControlSettings{
		MaxOutstandingMessages: maxWaiting, MaxOutstandingBytes: maxWaitingBytes, LimitExceededBehavior: pubsub.FlowControlSignalError,
	}
	return &Topic{Publisher: p}
}

// Publish returns nil when Pub/Sub has the message, ErrNotAttempted when it never
// saw it, and else an error whose outcome is unknown. If ctx ends first, the
// publish goes on: give ctx longer than the topic's timeout.
func (t *Topic) Publish(ctx context.Context, m *pubsub.Message) error {
	result := t.Publisher.Publish(ctx, t.complete(ctx, m))
	_, err := result.Get(ctx)
	if err == nil {
		return nil
	}
	select {
	case <-result.Ready():
		t.resume(m.OrderingKey)
	default: // the wait was given up: if it fails, the next one of its key is refused, and resumes it
	}
	_, blocked := errors.AsType[pubsub.ErrPublishingPaused](err)
	if blocked || errors.Is(err, pubsub.ErrFlowControllerMaxOutstandingMessages) || errors.Is(err, pubsub.ErrFlowControllerMaxOutstandingBytes) {
		return fmt.Errorf("%w: %w", ErrNotAttempted, err)
	}
	return fmt.Errorf("publish: %w", err)
}

// complete leaves the caller's message as it is.
func (t *Topic) complete(ctx context.Context, m *pubsub.Message) *pubsub.Message {
	if t.Attributes == nil {
		return m
	}
	added := t.Attributes(ctx)
	if len(added) == 0 {
		return m
	}
	all := make(map[string]string, len(m.Attributes)+len(added))
	maps.Copy(all, m.Attributes)
	maps.Copy(all, added)
	return &pubsub.Message{Data: m.Data, OrderingKey: m.OrderingKey, Attributes: all}
}

// resume lets a key go on. Each message that was refused behind a failed one blocks
// the key again, so each resumes it again.
func (t *Topic) resume(key string) {
	if key == "" {
		return
	}
	t.ResumePublish(key)
	if t.Resumed != nil {
		t.Resumed()
	}
}
