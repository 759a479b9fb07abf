package broker

import (
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
)

// The service's limits, as on its page "Quotas and limits" and in the API
// reference.
const (
	MaxMessageBytes   = 10 << 20
	MaxPublishBytes   = 10 << 20
	MaxPublishCount   = 1000
	maxAttributes     = 100
	maxAttributeKey   = 256
	maxAttributeValue = 1024
	maxOrderingKey    = 1024
	maxFilter         = 256
	maxLabels         = 64
	maxAckIDs         = 10_000
	firstID           = 1_000_000_000_000_000 // as long as ids of the service are

	defaultRetention = 7 * 24 * time.Hour
	leastRetention   = 10 * time.Minute
	mostRetention    = 31 * 24 * time.Hour
)

// checkName accepts "projects/p/<collection>/id".
func checkName(name, collection string) error {
	parts := strings.Split(name, "/")
	if len(parts) != 4 || parts[0] != "projects" || parts[1] == "" || parts[2] != collection {
		return invalid("Invalid [%s] name: (name=%s)", collection, name)
	}
	id := parts[3]
	ok, err := regexp.MatchString(`^[A-Za-z][-A-Za-z0-9._~+%]{2,254}$`, id)
	if err != nil || !ok || strings.HasPrefix(id, "goog") {
		return invalid("Invalid resource name given (name=%s): an id has 3 to 255 letters, digits or -._~+%%, begins with a letter, and not with goog.", name)
	}
	return nil
}

// CheckName returns an InvalidArgument unless name is that of a resource of
// the collection: topics, subscriptions, snapshots or schemas.
func CheckName(name, collection string) error { return checkName(name, collection) }

func inProject(name, project string) bool { return strings.HasPrefix(name, project+"/") }

func checkTopic(t *pubsubpb.Topic) error {
	if err := checkName(t.GetName(), "topics"); err != nil {
		return err
	}
	if len(t.Labels) > maxLabels {
		return invalid("%d labels, limit %d.", len(t.Labels), maxLabels)
	}
	switch {
	case t.IngestionDataSourceSettings != nil:
		return unimplemented("ingestion_data_source_settings")
	case len(t.MessageTransforms) > 0:
		return unimplemented("message_transforms")
	}
	return checkRetention(t.MessageRetentionDuration)
}

func checkRetention(d *durationpb.Duration) error {
	if d == nil {
		return nil
	}
	if !d.IsValid() || d.AsDuration() < leastRetention || d.AsDuration() > mostRetention {
		return invalid("Invalid message retention duration %v: must be from %v to %v.", d.AsDuration(), leastRetention, mostRetention)
	}
	return nil
}

// checkSubscription also fills in defaults.
func checkSubscription(s *pubsubpb.Subscription) error {
	if err := checkName(s.GetName(), "subscriptions"); err != nil {
		return err
	}
	if s.AckDeadlineSeconds == 0 {
		s.AckDeadlineSeconds = 10
	}
	if s.MessageRetentionDuration == nil {
		s.MessageRetentionDuration = durationpb.New(defaultRetention)
	}
	if s.ExpirationPolicy == nil {
		s.ExpirationPolicy = &pubsubpb.ExpirationPolicy{Ttl: durationpb.New(defaultExpiration)}
	}
	switch {
	case s.AckDeadlineSeconds < 10 || s.AckDeadlineSeconds > 600:
		return invalid("Invalid ack deadline %d: must be from 10 to 600 seconds.", s.AckDeadlineSeconds)
	case len(s.Labels) > maxLabels:
		return invalid("%d labels, limit %d.", len(s.Labels), maxLabels)
	case len(s.Filter) > maxFilter:
		return invalid("The filter has %d bytes, limit %d.", len(s.Filter), maxFilter)
	case s.BigqueryConfig != nil:
		return unimplemented("bigquery_config")
	case s.CloudStorageConfig != nil:
		return unimplemented("cloud_storage_config")
	case s.BigtableConfig != nil:
		return unimplemented("bigtable_config")
	case len(s.MessageTransforms) > 0:
		return unimplemented("message_transforms")
	case s.EnableExactlyOnceDelivery && s.PushConfig.GetPushEndpoint() != "":
		return invalid("Exactly-once delivery is not for push subscriptions.")
	}
	return checkPolicies(s)
}

func checkPolicies(s *pubsubpb.Subscription) error {
	if err := checkRetention(s.MessageRetentionDuration); err != nil {
		return err
	}
	if ttl := s.ExpirationPolicy.Ttl; ttl != nil && (!ttl.IsValid() || ttl.AsDuration() < 24*time.Hour) {
		return invalid("Invalid expiration ttl %v: must be at least a day.", ttl.AsDuration())
	}
	if p := s.DeadLetterPolicy; p != nil {
		if n := p.MaxDeliveryAttempts; n != 0 && (n < 5 || n > 100) {
			return invalid("Invalid max delivery attempts %d: must be from 5 to 100.", n)
		}
		if err := checkName(p.DeadLetterTopic, "topics"); err != nil {
			return err
		}
	}
	if p := s.RetryPolicy; p != nil {
		least, most := duration(p.MinimumBackoff, 10*time.Second), duration(p.MaximumBackoff, 600*time.Second)
		if least < 0 || most > 600*time.Second || least > most {
			return invalid("Invalid retry policy: minimum %v, maximum %v; both from 0 to 600 s, the minimum not above the maximum.", least, most)
		}
	}
	return nil
}

func unimplemented(field string) error {
	return status.Errorf(codes.Unimplemented, "%s is not supported by this server.", field)
}

func checkMessages(messages []*pubsubpb.PubsubMessage) error {
	if len(messages) == 0 {
		return invalid("A publish request needs at least one message.")
	}
	if len(messages) > MaxPublishCount {
		return invalid("%d messages, limit %d in one request.", len(messages), MaxPublishCount)
	}
	total := 0
	for i, m := range messages {
		if err := checkMessage(m); err != nil {
			return invalid("message %d: %v", i, err)
		}
		total += proto.Size(m)
	}
	if total > MaxPublishBytes {
		return invalid("The request has %d bytes of messages, limit %d.", total, MaxPublishBytes)
	}
	return nil
}

func checkMessage(m *pubsubpb.PubsubMessage) error {
	switch {
	case m == nil || len(m.Data) == 0 && len(m.Attributes) == 0:
		return invalid("a message needs data or at least one attribute")
	case len(m.Data) > MaxMessageBytes:
		return invalid("the message has %d bytes, limit %d", len(m.Data), MaxMessageBytes)
	case len(m.Attributes) > maxAttributes:
		return invalid("the message has %d attributes, limit %d", len(m.Attributes), maxAttributes)
	case len(m.OrderingKey) > maxOrderingKey:
		return invalid("the ordering key has %d bytes, limit %d", len(m.OrderingKey), maxOrderingKey)
	}
	for k, v := range m.Attributes {
		switch {
		case k == "" || len(k) > maxAttributeKey || strings.HasPrefix(k, "goog") && !strings.HasPrefix(k, "googclient_"): // those are of client libraries
			return invalid("invalid attribute key %.300q: 1 to %d bytes, not beginning with goog", k, maxAttributeKey)
		case len(v) > maxAttributeValue:
			return invalid("the value of attribute %q has %d bytes, limit %d", k, len(v), maxAttributeValue)
		case !utf8.ValidString(k) || !utf8.ValidString(v):
			return invalid("attribute %q is not UTF-8", k)
		}
	}
	return nil
}

func checkAckIDs(ids []string) error {
	if len(ids) == 0 {
		return invalid("No ack ids.")
	}
	if len(ids) > maxAckIDs {
		return invalid("%d ack ids, limit %d.", len(ids), maxAckIDs)
	}
	for _, id := range ids {
		if _, _, _, ok := parseAckID(id); !ok {
			return invalid("You have passed an invalid ack ID to the service (ack_id=%.100s).", id)
		}
	}
	return nil
}
