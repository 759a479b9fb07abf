package pubsubtest

import (
	"slices"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Attributes that the service adds to messages of a topic with a schema.
const (
	attributeSchemaName     = "googclient_schemaname"
	attributeSchemaEncoding = "googclient_schemaencoding"
	attributeSchemaRevision = "googclient_schemarevisionid"
)

// checkMessages refuses messages that fit no permitted revision of the topic's
// schema, and marks the others with the one they fit. It reads the schema
// before the publish: a change in between counts for the next one.
func (s *schemas) checkMessages(topic string, messages []*pubsubpb.PubsubMessage) error {
	settings, revisions := s.of(topic)
	if settings == nil {
		return nil
	}
	if len(revisions) == 0 {
		return status.Errorf(codes.InvalidArgument, "The topic's schema %s is deleted.", settings.GetSchema())
	}
	for i, m := range messages {
		if err := s.checkMessage(settings, revisions, m); err != nil {
			return status.Errorf(codes.InvalidArgument, "Request contains an invalid argument: message %d failed schema validation: %v", i, err)
		}
	}
	return nil
}

func (s *schemas) checkMessage(settings *pubsubpb.SchemaSettings, revisions []*pubsubpb.Schema, m *pubsubpb.PubsubMessage) error {
	var last error
	for _, revision := range revisions {
		compiled, err := s.compile(revision.GetType(), revision.GetDefinition())
		if err == nil {
			err = compiled.Validate(m.GetData(), settings.GetEncoding())
		}
		if err != nil {
			last = err
			continue
		}
		if m.Attributes == nil {
			m.Attributes = map[string]string{}
		}
		m.Attributes[attributeSchemaName] = revision.GetName()
		m.Attributes[attributeSchemaEncoding] = settings.GetEncoding().String()
		m.Attributes[attributeSchemaRevision] = revision.GetRevisionId()
		return nil
	}
	return last
}

// of returns a topic's settings and the revisions they permit, newest first.
func (s *schemas) of(topic string) (*pubsubpb.SchemaSettings, []*pubsubpb.Schema) {
	s.engine.mu.Lock()
	defer s.engine.mu.Unlock()
	t, err := s.engine.broker.Topic(topic)
	if err != nil || t.Config().GetSchemaSettings() == nil {
		return nil, nil
	}
	settings := t.Config().GetSchemaSettings()
	all := s.engine.broker.Schema(settings.GetSchema())
	if id := settings.GetLastRevisionId(); id != "" {
		all = all[max(0, slices.IndexFunc(all, func(r *pubsubpb.Schema) bool { return r.GetRevisionId() == id })):]
	}
	if id := settings.GetFirstRevisionId(); id != "" {
		if i := slices.IndexFunc(all, func(r *pubsubpb.Schema) bool { return r.GetRevisionId() == id }); i >= 0 {
			all = all[:i+1]
		}
	}
	return settings, all
}
