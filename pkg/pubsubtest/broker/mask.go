package broker

import (
	"slices"
	"strings"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

func mergeTopic(to, from *pubsubpb.Topic, mask []string) error {
	return merge(to, from, mask, []string{
		"labels", "message_storage_policy", "kms_key_name", "schema_settings", "message_retention_duration",
		"ingestion_data_source_settings", "message_transforms", "tags",
	})
}

func mergeSubscription(to, from *pubsubpb.Subscription, mask []string) error {
	return merge(to, from, mask, []string{
		"push_config", "ack_deadline_seconds", "retain_acked_messages", "message_retention_duration", "labels",
		"expiration_policy", "dead_letter_policy", "retry_policy", "enable_exactly_once_delivery", "bigquery_config",
		"cloud_storage_config", "bigtable_config", "message_transforms", "tags",
	})
}

func mergeSnapshot(to, from *pubsubpb.Snapshot, mask []string) error {
	created := to.ExpireTime.AsTime()
	if err := merge(to, from, mask, []string{"labels", "expire_time"}); err != nil {
		return err
	}
	if e := to.ExpireTime; e == nil || !e.IsValid() || e.AsTime().After(created.Add(time.Nanosecond)) {
		return invalid("A snapshot's expire_time can only be brought forward.")
	}
	return nil
}

// merge copies the fields of a mask. A path may go into a message:
// "retry_policy.minimum_backoff".
func merge(to, from proto.Message, mask, mutable []string) error {
	if len(mask) == 0 {
		return invalid("The update_mask in the request must be set, and must contain a valid set of updatable fields.")
	}
	for _, path := range mask {
		first, _, _ := strings.Cut(path, ".")
		if !slices.Contains(mutable, first) {
			return invalid("Invalid update_mask provided in the request: %q is not an updatable field.", path)
		}
		if !copyPath(to.ProtoReflect(), from.ProtoReflect(), path) {
			return invalid("Invalid update_mask provided in the request: there is no field %q.", path)
		}
	}
	return nil
}

func copyPath(to, from protoreflect.Message, path string) bool {
	first, rest, deeper := strings.Cut(path, ".")
	field := to.Descriptor().Fields().ByName(protoreflect.Name(first))
	switch {
	case field == nil:
		return false
	case !deeper && from.Has(field):
		to.Set(field, from.Get(field))
	case !deeper:
		to.Clear(field)
	case field.Message() == nil || field.IsList() || field.IsMap():
		return false
	default:
		return copyPath(to.Mutable(field).Message(), from.Get(field).Message(), rest)
	}
	return true
}
