package broker

import (
	"maps"
	"slices"
	"strings"
	"time"

	"cloud.google.com/go/iam/apiv1/iampb"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/protobuf/proto"
)

// Documents are resources that the broker keeps for others: schemas and policies.
const (
	schemaPrefix = "schema:"
	policyPrefix = "policy:"
)

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func (b *Broker) setDocument(name string, m proto.Message) {
	data := marshal(m)
	b.documents[name] = data
	b.emit(Event{Kind: documentSet, Name: name, Data: data})
}

// Policy returns a resource's policy, an empty one if none was set.
func (b *Broker) Policy(resource string) *iampb.Policy {
	p := &iampb.Policy{}
	if err := proto.Unmarshal(b.documents[policyPrefix+resource], p); err != nil {
		return &iampb.Policy{}
	}
	return p
}

// SetPolicy replaces a resource's policy. The resource must exist.
func (b *Broker) SetPolicy(now time.Time, resource string, p *iampb.Policy) error {
	b.Advance(now)
	if !b.HasResource(resource) {
		return notFound(resource)
	}
	b.setDocument(policyPrefix+resource, p)
	return nil
}

// HasResource reports whether a topic, subscription, snapshot or schema exists.
func (b *Broker) HasResource(name string) bool {
	_, schema := b.documents[schemaPrefix+name]
	return schema || b.topics[name] != nil || b.subs[name] != nil || b.snapshots[name] != nil
}

// Schema returns a schema's revisions, the newest first; none if there is no
// such schema.
func (b *Broker) Schema(name string) []*pubsubpb.Schema {
	r := &pubsubpb.ListSchemaRevisionsResponse{}
	if err := proto.Unmarshal(b.documents[schemaPrefix+name], r); err != nil {
		return nil
	}
	return r.Schemas
}

// SetSchema replaces a schema's revisions; none deletes it.
func (b *Broker) SetSchema(now time.Time, name string, revisions []*pubsubpb.Schema) {
	b.Advance(now)
	if len(revisions) > 0 {
		b.setDocument(schemaPrefix+name, &pubsubpb.ListSchemaRevisionsResponse{Schemas: revisions})
		return
	}
	delete(b.documents, schemaPrefix+name)
	delete(b.documents, policyPrefix+name)
	b.emit(Event{Kind: documentDeleted, Name: schemaPrefix + name})
	b.emit(Event{Kind: documentDeleted, Name: policyPrefix + name})
}

// Schemas returns the names of a project's schemas.
func (b *Broker) Schemas(project string) []string {
	var names []string
	for _, document := range sorted(b.documents) {
		if name, ok := strings.CutPrefix(document, schemaPrefix); ok && inProject(name, project) {
			names = append(names, name)
		}
	}
	return names
}

func (b *Broker) checkSchemaSettings(t *pubsubpb.Topic) error {
	settings := t.SchemaSettings
	if settings == nil {
		return nil
	}
	if len(b.Schema(settings.Schema)) == 0 {
		return notFound(settings.Schema)
	}
	if settings.Encoding == pubsubpb.Encoding_ENCODING_UNSPECIFIED {
		return invalid("Schema settings need an encoding.")
	}
	return nil
}

// deadLetterGranted looks for the two grants that forwarding needs (page
// "Dead-letter topics", "Grant forwarding permissions"): the project's Pub/Sub
// service account must be publisher on the dead-letter topic and subscriber on
// the subscription. The account's project number is not known here; any does.
func (b *Broker) deadLetterGranted(config *pubsubpb.Subscription) bool {
	return granted(b.Policy(config.DeadLetterPolicy.DeadLetterTopic), "roles/pubsub.publisher") &&
		granted(b.Policy(config.Name), "roles/pubsub.subscriber")
}

func granted(p *iampb.Policy, role string) bool {
	enough := []string{role, "roles/pubsub.editor", "roles/pubsub.admin", "roles/editor", "roles/owner"}
	return slices.ContainsFunc(p.Bindings, func(binding *iampb.Binding) bool {
		return slices.Contains(enough, binding.Role) && slices.ContainsFunc(binding.Members, isServiceAgent)
	})
}

func isServiceAgent(member string) bool {
	return strings.HasPrefix(member, "serviceAccount:service-") && strings.HasSuffix(member, "@gcp-sa-pubsub.iam.gserviceaccount.com")
}
