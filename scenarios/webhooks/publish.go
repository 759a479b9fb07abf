package webhooks

import (
	"context"
	"errors"
	"fmt"
	"time"

	"cloud.google.com/go/pubsub/v2"
)

// errNotAttempted promises that Pub/Sub never saw the event.
var errNotAttempted = errors.New("nothing was done")

const (
	// publishTimeout bounds one batch with all its repetitions by the client. It is
	// shorter than acceptTimeout, so that a request learns how its event ended.
	publishTimeout = 3 * time.Second
	// maxUnpublished bounds the events that wait in one process. With more, the
	// next one is refused at once.
	maxUnpublished      = 2000
	maxUnpublishedBytes = 64 << 20
)

// publisher publishes events in the order of their keys.
type publisher struct {
	topic   *pubsub.Publisher
	metrics *metrics
}

// newPublisher sets the client up so that batches cost no time: a batch leaves
// after a millisecond, and what comes for the same key while one is under way is
// the next batch. At low rates every event is a batch of its own.
func newPublisher(client *pubsub.Client, topic string, m *metrics) *publisher {
	p := client.Publisher(topic)
	p.EnableMessageOrdering = true
	p.PublishSettings.DelayThreshold = time.Millisecond
	p.PublishSettings.CountThreshold = 100
	p.PublishSettings.ByteThreshold = 1 << 20
	p.PublishSettings.Timeout = publishTimeout
	p.PublishSettings.FlowControlSettings = pubsub.FlowControlSettings{
		MaxOutstandingMessages: maxUnpublished, MaxOutstandingBytes: maxUnpublishedBytes, LimitExceededBehavior: pubsub.FlowControlSignalError,
	}
	return &publisher{topic: p, metrics: m}
}

// publish returns nil when Pub/Sub has the message, errNotAttempted when it never
// saw it, and else an error whose outcome is unknown.
//
// After any failure the client refuses everything for that key until it is told to
// go on: it cannot know whether what follows may overtake what failed. Here it
// may. Who sent what failed was not told 202, so nobody's order is broken; and
// whoever repeats it may come late, for versions decide. So the key is resumed at
// once, by each failure anew: the messages behind the one that failed are refused
// by the client, and each of those refusals blocks the key again.
func (p *publisher) publish(ctx context.Context, m *pubsub.Message) error {
	result := p.topic.Publish(ctx, m)
	_, err := result.Get(ctx)
	if err == nil {
		return nil
	}
	select {
	case <-result.Ready():
		p.topic.ResumePublish(m.OrderingKey)
		p.metrics.resumed.Inc()
	default: // the wait was given up: if it fails, the next one of its key is refused, and resumes it
	}
	if _, paused := errors.AsType[pubsub.ErrPublishingPaused](err); paused ||
		errors.Is(err, pubsub.ErrFlowControllerMaxOutstandingMessages) || errors.Is(err, pubsub.ErrFlowControllerMaxOutstandingBytes) {
		return fmt.Errorf("%w: %w", errNotAttempted, err)
	}
	return err
}

// stop publishes what waits.
func (p *publisher) stop() { p.topic.Stop() }
