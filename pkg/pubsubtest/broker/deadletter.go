package broker

import (
	"maps"
	"strconv"
	"strings"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
)

// Attributes of a forwarded message, as on the page "Dead-letter topics" of the
// service's documentation.
const (
	AttributeDeliveryCount     = "CloudPubSubDeadLetterSourceDeliveryCount"
	AttributeSubscription      = "CloudPubSubDeadLetterSourceSubscription"
	AttributeProject           = "CloudPubSubDeadLetterSourceSubscriptionProject"
	AttributePublishTime       = "CloudPubSubDeadLetterSourceTopicPublishTime"
	publishTimeLayout          = "2006-01-02T15:04:05.999-07:00"
	defaultMaxAttempts     int = 5
)

func (s *Subscription) maxAttempts() int {
	policy := s.config.DeadLetterPolicy
	if policy == nil {
		return 0
	}
	if policy.MaxDeliveryAttempts == 0 {
		return defaultMaxAttempts
	}
	return int(policy.MaxDeliveryAttempts)
}

// forward publishes a message to the dead-letter topic and acknowledges it, in
// one change, so that a crash does neither or both. It reports false where the
// service cannot forward: the topic is gone or grants are missing; then the
// message is delivered again, and its attempts go on.
func (b *Broker) forward(s *Subscription, seq uint64) bool {
	t := b.topics[s.config.DeadLetterPolicy.DeadLetterTopic]
	if t == nil || b.options.EnforceDeadLetterGrants && !b.deadLetterGranted(s.config) {
		return false
	}
	e := s.log.at(seq)
	if e == nil {
		return false
	}
	letter := deadLetter(e.message, s.config.Name, s.attempts[seq])
	s.commit(b, seq)
	b.publish(t.log, []*pubsubpb.PubsubMessage{letter})
	return true
}

func deadLetter(m *pubsubpb.PubsubMessage, subscription string, attempts int) *pubsubpb.PubsubMessage {
	parts := strings.Split(subscription, "/")
	attributes := maps.Clone(m.Attributes)
	if attributes == nil {
		attributes = map[string]string{}
	}
	attributes[AttributeDeliveryCount] = strconv.Itoa(attempts)
	attributes[AttributeSubscription] = parts[3]
	attributes[AttributeProject] = parts[1]
	attributes[AttributePublishTime] = m.PublishTime.AsTime().In(time.UTC).Format(publishTimeLayout)
	return &pubsubpb.PubsubMessage{Data: m.Data, Attributes: attributes, OrderingKey: m.OrderingKey}
}

func (b *Broker) checkDeadLetterTopic(config *pubsubpb.Subscription) error {
	policy := config.DeadLetterPolicy
	if policy == nil {
		return nil
	}
	if b.topics[policy.DeadLetterTopic] == nil {
		return notFound(policy.DeadLetterTopic)
	}
	return nil
}
