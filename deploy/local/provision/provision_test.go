//go:build unix

package provision_test

import (
	"context"
	"strings"
	"testing"
	"time"

	pubsub "cloud.google.com/go/pubsub/v2/apiv1"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"

	"github.com/provingground/provingground/deploy/gcp/topology"
	"github.com/provingground/provingground/deploy/local/provision"
	"github.com/provingground/provingground/deploy/local/server/servertest"
)

const (
	table = `
Resources:
  Things:
    Type: AWS::DynamoDB::Table
    Properties:
      TableName: things
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
      KeySchema: [{AttributeName: id, KeyType: HASH}]
`
	withTTL = table + `      TimeToLiveSpecification: {AttributeName: gone, Enabled: true}
`
	// A name with the ending of the other kind of queue.
	broken = table + `
  Jobs:
    Type: AWS::SQS::Queue
    Properties: {QueueName: jobs.fifo}
`
)

func TestATemplateIsCreatedRepeatedAndUpdated(t *testing.T) {
	env := servertest.Start(t, "dynamodb").Env()
	for _, step := range []struct{ name, template string }{
		{"created", table}, {"repeated", table}, {"updated", withTTL},
	} {
		if err := provision.Apply(t.Context(), env, "things", step.template); err != nil {
			t.Errorf("%s: %v", step.name, err)
		}
	}
}

func TestAFailureNamesTheResourceAndTheNextAttemptStartsAfresh(t *testing.T) {
	env := servertest.Start(t, "dynamodb").Env()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	err := provision.Apply(ctx, env, "things", broken)
	if err == nil || !strings.Contains(err.Error(), "Jobs (AWS::SQS::Queue): ") {
		t.Errorf("error: %v", err)
	}
	if err := provision.Apply(ctx, env, "things", table); err != nil {
		t.Errorf("after the failure: %v", err)
	}
}

func TestAServerThatIsNotThereIsNamed(t *testing.T) {
	env := map[string]string{
		"AWS_ENDPOINT_URL_DYNAMODB": "http://127.0.0.1:1", "AWS_REGION": "us-east-1",
		"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := provision.Apply(ctx, env, "things", table); err == nil || !strings.Contains(err.Error(), "http://127.0.0.1:1") {
		t.Errorf("error: %v", err)
	}
}

const topics = `{"topics": [{"name": "orders"}], "subscriptions": [{"name": "mail", "topic": "orders", "ackDeadlineSeconds": 20}]}`

func TestTopicsAndSubscriptionsAreMadeByTheSameCall(t *testing.T) {
	env := servertest.Start(t, "pubsub").Env()
	for range 2 {
		if err := provision.File(t.Context(), env, "orders", "gcp/orders.json", topics); err != nil {
			t.Fatal(err)
		}
	}
	client, err := pubsub.NewSubscriptionAdminClient(t.Context(), topology.Local(env["PUBSUB_EMULATOR_HOST"])...)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	got, err := client.GetSubscription(t.Context(), &pubsubpb.GetSubscriptionRequest{
		Subscription: "projects/" + env["GOOGLE_CLOUD_PROJECT"] + "/subscriptions/mail",
	})
	if err != nil || got.AckDeadlineSeconds != 20 {
		t.Errorf("subscription: %v, %v", got, err)
	}
}

func TestTopicsWithoutAServerNameTheVariable(t *testing.T) {
	err := provision.File(t.Context(), map[string]string{}, "orders", "gcp/orders.json", topics)
	if err == nil || !strings.Contains(err.Error(), "PUBSUB_EMULATOR_HOST") {
		t.Errorf("error: %v", err)
	}
}
