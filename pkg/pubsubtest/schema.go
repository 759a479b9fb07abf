package pubsubtest

import (
	"context"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/provingground/provingground/pkg/pubsubtest/broker"
)

type schemas struct {
	pubsubpb.UnimplementedSchemaServiceServer
	engine *engine
}

func (s *schemas) checkMessages(topic string, messages []*pubsubpb.PubsubMessage) error { return nil }

var (
	_ context.Context
	_ time.Time
	_ codes.Code
	_ status.Status
	_ broker.Stats
)
