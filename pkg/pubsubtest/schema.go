package pubsubtest

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"strings"
	"sync"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/provingground/provingground/pkg/pubsubtest/broker"
	"github.com/provingground/provingground/pkg/pubsubtest/schema"
)

// maxRevisions of one schema (page "Quotas and limits").
const maxRevisions = 20

// schemas is the service google.pubsub.v1.SchemaService. A new revision is
// compiled, but not checked for compatibility with the ones before.
type schemas struct {
	pubsubpb.UnimplementedSchemaServiceServer
	engine *engine

	mu       sync.Mutex
	compiled map[string]schema.Schema // by definition, at most maxCompiled
}

const maxCompiled = 100

func (s *schemas) CreateSchema(_ context.Context, r *pubsubpb.CreateSchemaRequest) (*pubsubpb.Schema, error) {
	name := r.GetParent() + "/schemas/" + r.GetSchemaId()
	if err := broker.CheckName(name, "schemas"); err != nil {
		return nil, err
	}
	created, err := s.revision(name, r.GetSchema())
	if err != nil {
		return nil, err
	}
	return created, s.engine.change(func(b *broker.Broker, now time.Time) error {
		if len(b.Schema(name)) > 0 {
			return status.Errorf(codes.AlreadyExists, "Resource already exists in the project (resource=%s).", name)
		}
		b.SetSchema(now, name, []*pubsubpb.Schema{created})
		return nil
	})
}

// revision compiles a definition and gives it an id.
func (s *schemas) revision(name string, from *pubsubpb.Schema) (*pubsubpb.Schema, error) {
	if _, err := s.compile(from.GetType(), from.GetDefinition()); err != nil {
		return nil, status.Errorf(codes.InvalidArgument, "Invalid schema definition: %v", err)
	}
	var id [4]byte
	rand.Read(id[:]) // never fails
	return &pubsubpb.Schema{
		Name: name, Type: from.GetType(), Definition: from.GetDefinition(),
		RevisionId: hex.EncodeToString(id[:]), RevisionCreateTime: timestamppb.New(s.engine.clock.Now()),
	}, nil
}

func (s *schemas) CommitSchema(_ context.Context, r *pubsubpb.CommitSchemaRequest) (*pubsubpb.Schema, error) {
	created, err := s.revision(r.GetName(), r.GetSchema())
	if err != nil {
		return nil, err
	}
	return created, s.change(r.GetName(), func(all []*pubsubpb.Schema) ([]*pubsubpb.Schema, error) {
		if all[0].GetType() != created.GetType() {
			return nil, status.Error(codes.InvalidArgument, "A schema cannot change its type.")
		}
		return prepend(created, all)
	})
}

func (s *schemas) RollbackSchema(_ context.Context, r *pubsubpb.RollbackSchemaRequest) (*pubsubpb.Schema, error) {
	var created *pubsubpb.Schema
	err := s.change(r.GetName(), func(all []*pubsubpb.Schema) ([]*pubsubpb.Schema, error) {
		old := find(all, r.GetRevisionId())
		if old == nil {
			return nil, noRevision(r.GetName(), r.GetRevisionId())
		}
		var err error
		if created, err = s.revision(r.GetName(), old); err != nil {
			return nil, err
		}
		return prepend(created, all)
	})
	return created, err
}

func prepend(created *pubsubpb.Schema, all []*pubsubpb.Schema) ([]*pubsubpb.Schema, error) {
	if len(all) >= maxRevisions {
		return nil, status.Errorf(codes.FailedPrecondition, "The schema has %d revisions, limit %d.", len(all), maxRevisions)
	}
	return append([]*pubsubpb.Schema{created}, all...), nil
}

func (s *schemas) DeleteSchemaRevision(_ context.Context, r *pubsubpb.DeleteSchemaRevisionRequest) (*pubsubpb.Schema, error) {
	name, id := splitRevision(r.GetName())
	var newest *pubsubpb.Schema
	err := s.change(name, func(all []*pubsubpb.Schema) ([]*pubsubpb.Schema, error) {
		if find(all, id) == nil {
			return nil, noRevision(name, id)
		}
		if len(all) == 1 {
			return nil, status.Error(codes.FailedPrecondition, "The last revision cannot be deleted; delete the schema.")
		}
		var left []*pubsubpb.Schema
		for _, one := range all {
			if one.GetRevisionId() != id {
				left = append(left, one)
			}
		}
		newest = left[0]
		return left, nil
	})
	return newest, err
}

func (s *schemas) DeleteSchema(_ context.Context, r *pubsubpb.DeleteSchemaRequest) (*emptypb.Empty, error) {
	return &emptypb.Empty{}, s.change(r.GetName(), func([]*pubsubpb.Schema) ([]*pubsubpb.Schema, error) { return nil, nil })
}

// change replaces the revisions of a schema that exists.
func (s *schemas) change(name string, f func([]*pubsubpb.Schema) ([]*pubsubpb.Schema, error)) error {
	return s.engine.change(func(b *broker.Broker, now time.Time) error {
		all := b.Schema(name)
		if len(all) == 0 {
			return noSchema(name)
		}
		left, err := f(all)
		if err == nil {
			b.SetSchema(now, name, left)
		}
		return err
	})
}

func (s *schemas) GetSchema(_ context.Context, r *pubsubpb.GetSchemaRequest) (*pubsubpb.Schema, error) {
	if r.GetView() == pubsubpb.SchemaView_SCHEMA_VIEW_UNSPECIFIED {
		r.View = pubsubpb.SchemaView_FULL
	}
	name, id := splitRevision(r.GetName())
	var got *pubsubpb.Schema
	err := s.engine.change(func(b *broker.Broker, _ time.Time) error {
		all := b.Schema(name)
		if len(all) == 0 {
			return noSchema(name)
		}
		if got = all[0]; id != "" {
			got = find(all, id)
		}
		if got == nil {
			return noRevision(name, id)
		}
		return nil
	})
	return view(got, r.GetView()), err
}

func (s *schemas) ListSchemas(_ context.Context, r *pubsubpb.ListSchemasRequest) (*pubsubpb.ListSchemasResponse, error) {
	response := &pubsubpb.ListSchemasResponse{}
	return response, s.engine.change(func(b *broker.Broker, _ time.Time) error {
		names, next, err := page(b.Schemas(r.GetParent()), r.GetPageSize(), r.GetPageToken())
		for _, name := range names {
			response.Schemas = append(response.Schemas, view(b.Schema(name)[0], r.GetView()))
		}
		response.NextPageToken = next
		return err
	})
}

func (s *schemas) ListSchemaRevisions(_ context.Context, r *pubsubpb.ListSchemaRevisionsRequest) (*pubsubpb.ListSchemaRevisionsResponse, error) {
	response := &pubsubpb.ListSchemaRevisionsResponse{}
	return response, s.engine.change(func(b *broker.Broker, _ time.Time) error {
		all := b.Schema(r.GetName())
		if len(all) == 0 {
			return noSchema(r.GetName())
		}
		revisions, next, err := page(all, r.GetPageSize(), r.GetPageToken())
		for _, one := range revisions {
			response.Schemas = append(response.Schemas, view(one, r.GetView()))
		}
		response.NextPageToken = next
		return err
	})
}

func (s *schemas) ValidateSchema(_ context.Context, r *pubsubpb.ValidateSchemaRequest) (*pubsubpb.ValidateSchemaResponse, error) {
	if _, err := s.revision("", r.GetSchema()); err != nil {
		return nil, err
	}
	return &pubsubpb.ValidateSchemaResponse{}, nil
}

func (s *schemas) ValidateMessage(_ context.Context, r *pubsubpb.ValidateMessageRequest) (*pubsubpb.ValidateMessageResponse, error) {
	against := r.GetSchema()
	if name := r.GetName(); name != "" {
		var err error
		if against, err = s.GetSchema(context.Background(), &pubsubpb.GetSchemaRequest{Name: name, View: pubsubpb.SchemaView_FULL}); err != nil {
			return nil, err
		}
	}
	compiled, err := s.compile(against.GetType(), against.GetDefinition())
	if err == nil {
		err = compiled.Validate(r.GetMessage(), r.GetEncoding())
	}
	if err != nil {
		return nil, status.Errorf(codes.InvalidArgument, "Invalid message: %v", err)
	}
	return &pubsubpb.ValidateMessageResponse{}, nil
}

// compile remembers what it compiled.
func (s *schemas) compile(kind pubsubpb.Schema_Type, definition string) (schema.Schema, error) {
	key := kind.String() + definition
	s.mu.Lock()
	defer s.mu.Unlock()
	if known := s.compiled[key]; known != nil {
		return known, nil
	}
	compiled, err := schema.Compile(kind, definition)
	if err != nil {
		return nil, err
	}
	if len(s.compiled) >= maxCompiled || s.compiled == nil {
		s.compiled = map[string]schema.Schema{}
	}
	s.compiled[key] = compiled
	return compiled, nil
}

// view leaves the definition out of the basic view.
func view(s *pubsubpb.Schema, v pubsubpb.SchemaView) *pubsubpb.Schema {
	if v == pubsubpb.SchemaView_FULL || s == nil {
		return s
	}
	basic := proto.CloneOf(s)
	basic.Definition = ""
	return basic
}

func find(all []*pubsubpb.Schema, revision string) *pubsubpb.Schema {
	for _, s := range all {
		if s.GetRevisionId() == revision {
			return s
		}
	}
	return nil
}

// splitRevision takes "projects/p/schemas/s@revision" apart.
func splitRevision(name string) (schema, revision string) {
	schema, revision, _ = strings.Cut(name, "@")
	return schema, revision
}

func noSchema(name string) error {
	return status.Errorf(codes.NotFound, "Resource not found (resource=%s).", name)
}

func noRevision(name, id string) error {
	return status.Errorf(codes.NotFound, "Resource not found (resource=%s@%s).", name, id)
}
