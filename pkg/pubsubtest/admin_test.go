package pubsubtest_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"cloud.google.com/go/iam/apiv1/iampb"
	pubsubapi "cloud.google.com/go/pubsub/v2/apiv1"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/api/iterator"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/provingground/provingground/pkg/journal/journaltest"
	"github.com/provingground/provingground/pkg/pubsubtest"
)

const avroOrder = `{"type":"record","name":"Order","fields":[{"name":"id","type":"string"}]}`

func wantCode(t *testing.T, what string, err error, want codes.Code) {
	t.Helper()
	if status.Code(err) != want {
		t.Errorf("%s: %v, want %v", what, err, want)
	}
}

func TestListsComeInPagesInOrder(t *testing.T) {
	_, c := setup(t, pubsubtest.Options{})
	for i := range 7 {
		createTopic(t, c, fmt.Sprintf("t-%d", 6-i))
	}
	var names []string
	request := &pubsubpb.ListTopicsRequest{Project: project, PageSize: 3}
	all := c.TopicAdminClient.ListTopics(t.Context(), request)
	for {
		topic, err := all.Next()
		if errors.Is(err, iterator.Done) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, topic.Name)
	}
	if len(names) != 7 || !slices.IsSorted(names) {
		t.Errorf("listed %q", names)
	}
	request.PageToken = "nonsense"
	_, err := c.TopicAdminClient.ListTopics(t.Context(), request).Next()
	wantCode(t, "a page token that is none", err, codes.InvalidArgument)
}

func TestMissingAndPresentResources(t *testing.T) {
	_, c := setup(t, pubsubtest.Options{})
	ctx := context.Background()
	createTopic(t, c, "orders")
	createSub(t, c, "mail", "orders", nil)
	topics, subs := c.TopicAdminClient, c.SubscriptionAdminClient
	_, err := topics.CreateTopic(ctx, &pubsubpb.Topic{Name: topicName("orders")})
	wantCode(t, "create a topic twice", err, codes.AlreadyExists)
	_, err = subs.CreateSubscription(ctx, &pubsubpb.Subscription{Name: subName("mail"), Topic: topicName("orders")})
	wantCode(t, "create a subscription twice", err, codes.AlreadyExists)
	_, err = topics.GetTopic(ctx, &pubsubpb.GetTopicRequest{Topic: topicName("none")})
	wantCode(t, "get", err, codes.NotFound)
	wantCode(t, "delete", topics.DeleteTopic(ctx, &pubsubpb.DeleteTopicRequest{Topic: topicName("none")}), codes.NotFound)
	wantCode(t, "seek nowhere", second(subs.Seek(ctx, &pubsubpb.SeekRequest{Subscription: subName("mail")})), codes.InvalidArgument)
	wantCode(t, "pull nothing", second(subs.Pull(ctx, &pubsubpb.PullRequest{Subscription: subName("mail")})), codes.InvalidArgument)
	_, err = topics.DetachSubscription(ctx, &pubsubpb.DetachSubscriptionRequest{Subscription: subName("mail")})
	wantCode(t, "detach", err, codes.OK)
	_, err = subs.Pull(ctx, &pubsubpb.PullRequest{Subscription: subName("mail"), MaxMessages: 1})
	wantCode(t, "pull from a detached subscription", err, codes.FailedPrecondition)
	_, err = topics.UpdateTopic(ctx, &pubsubpb.UpdateTopicRequest{
		Topic: &pubsubpb.Topic{Name: topicName("orders"), Labels: map[string]string{"a": "b"}}, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"labels"}},
	})
	wantCode(t, "update", err, codes.OK)
	got, err := topics.GetTopic(ctx, &pubsubpb.GetTopicRequest{Topic: topicName("orders")})
	if err != nil || got.Labels["a"] != "b" {
		t.Errorf("after the update: %v, %v", got, err)
	}
}

func second[T any](_ T, err error) error { return err }

func TestSnapshotsThroughTheAPI(t *testing.T) {
	_, c := setup(t, pubsubtest.Options{})
	ctx, subs := context.Background(), c.SubscriptionAdminClient
	createTopic(t, c, "orders")
	createSub(t, c, "mail", "orders", nil)
	publish(t, c, "orders", text(3)...)
	name := project + "/snapshots/before"
	created, err := subs.CreateSnapshot(ctx, &pubsubpb.CreateSnapshotRequest{Name: name, Subscription: subName("mail")})
	if err != nil {
		t.Fatal(err)
	}
	receive(t, c, "mail", 3)
	if _, err := subs.Seek(ctx, &pubsubpb.SeekRequest{Subscription: subName("mail"), Target: &pubsubpb.SeekRequest_Snapshot{Snapshot: name}}); err != nil {
		t.Fatal(err)
	}
	receive(t, c, "mail", 3)
	later := timestamppb.New(created.ExpireTime.AsTime().AddDate(0, 0, 1))
	_, err = subs.UpdateSnapshot(ctx, &pubsubpb.UpdateSnapshotRequest{
		Snapshot: &pubsubpb.Snapshot{Name: name, ExpireTime: later}, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"expire_time"}},
	})
	wantCode(t, "let it live longer", err, codes.InvalidArgument)
	wantCode(t, "delete", subs.DeleteSnapshot(ctx, &pubsubpb.DeleteSnapshotRequest{Snapshot: name}), codes.OK)
	wantCode(t, "get", second(subs.GetSnapshot(ctx, &pubsubpb.GetSnapshotRequest{Snapshot: name})), codes.NotFound)
}

func TestSchemasAndPoliciesSurviveARestart(t *testing.T) {
	disk := &journaltest.Disk{}
	srv, err := pubsubtest.Start(pubsubtest.Options{Folder: disk})
	if err != nil {
		t.Fatal(err)
	}
	c := connect(t, srv)
	ctx := context.Background()
	schemas := schemaClient(t, srv)
	created, err := schemas.CreateSchema(ctx, &pubsubpb.CreateSchemaRequest{
		Parent: project, SchemaId: "order", Schema: &pubsubpb.Schema{Type: pubsubpb.Schema_AVRO, Definition: avroOrder},
	})
	if err != nil {
		t.Fatal(err)
	}
	topic := &pubsubpb.Topic{Name: topicName("typed"), SchemaSettings: &pubsubpb.SchemaSettings{Schema: created.Name, Encoding: pubsubpb.Encoding_JSON}}
	if _, err := c.TopicAdminClient.CreateTopic(ctx, topic); err != nil {
		t.Fatal(err)
	}
	policy := &iampb.Policy{Bindings: []*iampb.Binding{{Role: "roles/pubsub.publisher", Members: []string{"user:a@example.com"}}}}
	if _, err := c.TopicAdminClient.SetIamPolicy(ctx, &iampb.SetIamPolicyRequest{Resource: topic.Name, Policy: policy}); err != nil {
		t.Fatal(err)
	}
	if err := srv.Close(); err != nil {
		t.Fatal(err)
	}
	srv = pubsubtest.NewServer(t, pubsubtest.Options{Folder: disk})
	c, schemas = connect(t, srv), schemaClient(t, srv)
	got, err := c.TopicAdminClient.GetIamPolicy(ctx, &iampb.GetIamPolicyRequest{Resource: topic.Name})
	if err != nil || len(got.Bindings) != 1 {
		t.Errorf("policy after the restart: %v, %v", got, err)
	}
	_, err = c.TopicAdminClient.SetIamPolicy(ctx, &iampb.SetIamPolicyRequest{Resource: topic.Name, Policy: &iampb.Policy{Etag: []byte("old")}})
	wantCode(t, "set a policy with an old etag", err, codes.Aborted)
	send := func(data string) error {
		return second(c.TopicAdminClient.Publish(ctx, &pubsubpb.PublishRequest{
			Topic: topic.Name, Messages: []*pubsubpb.PubsubMessage{{Data: []byte(data)}},
		}))
	}
	wantCode(t, "a message of the schema", send(`{"id":"1"}`), codes.OK)
	wantCode(t, "another one", send(`{"nr":1}`), codes.InvalidArgument)
	committed, err := schemas.CommitSchema(ctx, &pubsubpb.CommitSchemaRequest{Name: created.Name, Schema: &pubsubpb.Schema{
		Type: pubsubpb.Schema_AVRO, Definition: `{"type":"record","name":"Order","fields":[{"name":"nr","type":"int"}]}`,
	}})
	if err != nil {
		t.Fatal(err)
	}
	wantCode(t, "a message of the new revision", send(`{"nr":1}`), codes.OK)
	wantCode(t, "a message of the old revision", send(`{"id":"1"}`), codes.OK)
	_, err = schemas.DeleteSchemaRevision(ctx, &pubsubpb.DeleteSchemaRevisionRequest{Name: created.Name + "@" + committed.RevisionId})
	wantCode(t, "delete the new revision", err, codes.OK)
	wantCode(t, "a message of the deleted revision", send(`{"nr":1}`), codes.InvalidArgument)
	wantCode(t, "delete", schemas.DeleteSchema(ctx, &pubsubpb.DeleteSchemaRequest{Name: created.Name}), codes.OK)
	wantCode(t, "publish without the schema", send(`{"id":"1"}`), codes.InvalidArgument)
	_, err = schemas.ValidateSchema(ctx, &pubsubpb.ValidateSchemaRequest{Parent: project, Schema: &pubsubpb.Schema{Type: pubsubpb.Schema_AVRO, Definition: "{"}})
	wantCode(t, "validate nonsense", err, codes.InvalidArgument)
}

func schemaClient(t *testing.T, srv *pubsubtest.Server) *pubsubapi.SchemaClient {
	t.Helper()
	schemas, err := pubsubapi.NewSchemaClient(context.Background(), srv.ClientOptions()...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { schemas.Close() })
	return schemas
}

// stream opens a StreamingPull without a client's own logic.
func openStream(t *testing.T, srv *pubsubtest.Server, first *pubsubpb.StreamingPullRequest) pubsubpb.Subscriber_StreamingPullClient {
	t.Helper()
	stream, err := connect(t, srv).SubscriptionAdminClient.StreamingPull(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Send(first); err != nil {
		t.Fatal(err)
	}
	return stream
}

func TestAStreamConfirmsAnswersPingsAndEndsWell(t *testing.T) {
	srv, c := setup(t, pubsubtest.Options{})
	createTopic(t, c, "orders")
	createSub(t, c, "mail", "orders", func(s *pubsubpb.Subscription) { s.EnableExactlyOnceDelivery = true })
	publish(t, c, "orders", text(1)...)
	stream := openStream(t, srv, &pubsubpb.StreamingPullRequest{Subscription: subName("mail"), StreamAckDeadlineSeconds: 10})
	next := func(ok func(*pubsubpb.StreamingPullResponse) bool) *pubsubpb.StreamingPullResponse {
		t.Helper()
		for {
			r, err := stream.Recv()
			if err != nil {
				t.Fatal(err)
			}
			if !r.SubscriptionProperties.GetExactlyOnceDeliveryEnabled() {
				t.Error("a response without the subscription's properties")
			}
			if ok(r) {
				return r
			}
		}
	}
	m := next(func(r *pubsubpb.StreamingPullResponse) bool { return len(r.ReceivedMessages) > 0 }).ReceivedMessages[0]
	send := func(r *pubsubpb.StreamingPullRequest) {
		t.Helper()
		if err := stream.Send(r); err != nil {
			t.Fatal(err)
		}
	}
	send(&pubsubpb.StreamingPullRequest{ModifyDeadlineAckIds: []string{m.AckId}, ModifyDeadlineSeconds: []int32{60}})
	next(func(r *pubsubpb.StreamingPullResponse) bool {
		return slices.Equal(r.ModifyAckDeadlineConfirmation.GetAckIds(), []string{m.AckId})
	})
	send(&pubsubpb.StreamingPullRequest{AckIds: []string{m.AckId, "1-99-1"}})
	next(func(r *pubsubpb.StreamingPullResponse) bool {
		confirmed := r.AcknowledgeConfirmation
		return slices.Equal(confirmed.GetAckIds(), []string{m.AckId}) && slices.Equal(confirmed.GetInvalidAckIds(), []string{"1-99-1"})
	})
	send(&pubsubpb.StreamingPullRequest{})
	next(func(r *pubsubpb.StreamingPullResponse) bool { return len(r.ReceivedMessages) == 0 })
	if err := stream.CloseSend(); err != nil {
		t.Fatal(err)
	}
	for err := error(nil); err == nil; {
		if _, err = stream.Recv(); err != nil && err.Error() != "EOF" {
			t.Errorf("a closed stream ends with %v", err)
		}
	}
}

func TestABadFirstRequestIsRefused(t *testing.T) {
	srv, c := setup(t, pubsubtest.Options{})
	createTopic(t, c, "orders")
	createSub(t, c, "mail", "orders", nil)
	for name, tt := range map[string]struct {
		first *pubsubpb.StreamingPullRequest
		want  codes.Code
	}{
		"no subscription":     {&pubsubpb.StreamingPullRequest{StreamAckDeadlineSeconds: 10}, codes.InvalidArgument},
		"a missing one":       {&pubsubpb.StreamingPullRequest{Subscription: subName("none"), StreamAckDeadlineSeconds: 10}, codes.NotFound},
		"no deadline":         {&pubsubpb.StreamingPullRequest{Subscription: subName("mail")}, codes.InvalidArgument},
		"too long a deadline": {&pubsubpb.StreamingPullRequest{Subscription: subName("mail"), StreamAckDeadlineSeconds: 601}, codes.InvalidArgument},
		"an acknowledgement":  {&pubsubpb.StreamingPullRequest{Subscription: subName("mail"), StreamAckDeadlineSeconds: 10, AckIds: []string{"1-1-1"}}, codes.InvalidArgument},
	} {
		_, err := openStream(t, srv, tt.first).Recv()
		wantCode(t, name, err, tt.want)
	}
}
