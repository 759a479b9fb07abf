//go:build unix

package aws_test

import (
	"os"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ses"
	sestypes "github.com/aws/aws-sdk-go-v2/service/ses/types"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	snstypes "github.com/aws/aws-sdk-go-v2/service/sns/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/provingground/provingground/deploy/local/provision"
	"github.com/provingground/provingground/deploy/local/server/servertest"
	"github.com/provingground/provingground/scenarios"
)

// TestTheOrdersDataPlaneCarriesEventsByTheirType sends one message over each
// wire, by the names that the catalogue gives to the roles.
func TestTheOrdersDataPlaneCarriesEventsByTheirType(t *testing.T) {
	template, err := os.ReadFile("ordernotify.yaml")
	if err != nil {
		t.Fatal(err)
	}
	servers := servertest.Start(t, "aws").Env()
	for range 2 { // the second time it is there already
		if err := provision.Apply(t.Context(), servers, "ordernotify", string(template)); err != nil {
			t.Fatal(err)
		}
	}
	cfg := aws.Config{
		Region: servers["AWS_REGION"], BaseEndpoint: aws.String(servers["AWS_ENDPOINT_URL_SNS"]),
		Credentials: credentials.NewStaticCredentialsProvider(servers["AWS_ACCESS_KEY_ID"], servers["AWS_SECRET_ACCESS_KEY"], ""),
	}
	env := catalogued()
	topic, queues := sns.NewFromConfig(cfg), sqs.NewFromConfig(cfg)
	for _, kind := range []string{"order.placed", "order.confirmed", "order.out-of-stock", "order.other"} {
		_, err := topic.Publish(t.Context(), &sns.PublishInput{
			TopicArn: aws.String(env["EVENTS_TOPIC_ARN"]), Message: &kind,
			MessageAttributes: map[string]snstypes.MessageAttributeValue{"type": {DataType: aws.String("String"), StringValue: &kind}},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for queue, want := range map[string][]string{
		env["INVENTORY_QUEUE"]: {"order.placed"},
		env["EMAIL_QUEUE"]:     {"order.placed", "order.confirmed", "order.out-of-stock"},
	} {
		wantMessages(t, queues, queue, want)
	}
	mail := ses.NewFromConfig(cfg)
	_, err = mail.SendEmail(t.Context(), &ses.SendEmailInput{
		Source: aws.String(env["MAIL_FROM"]), ConfigurationSetName: aws.String(env["CONFIGURATION_SET"]),
		Destination: &sestypes.Destination{ToAddresses: []string{"ada@example.com"}},
		Message:     &sestypes.Message{Subject: &sestypes.Content{Data: aws.String("hello")}, Body: &sestypes.Body{Text: &sestypes.Content{Data: aws.String("hello")}}},
	})
	if err != nil {
		t.Errorf("the sender of the catalogue may not send: %v", err)
	}
}

// catalogued returns what the catalogue tells the roles.
func catalogued() map[string]string {
	env := map[string]string{}
	sc, _ := scenarios.Find("ordernotify")
	for _, r := range sc.Roles {
		for name, value := range r.Env {
			env[name] = value
		}
	}
	return env
}

// wantMessages receives until nothing comes, each as it was published.
func wantMessages(t *testing.T, client *sqs.Client, queue string, want []string) {
	t.Helper()
	url, err := client.GetQueueUrl(t.Context(), &sqs.GetQueueUrlInput{QueueName: &queue})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]int{}
	for {
		out, err := client.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: url.QueueUrl, MaxNumberOfMessages: 10, WaitTimeSeconds: 1})
		if err != nil {
			t.Fatal(err)
		}
		if len(out.Messages) == 0 {
			break
		}
		for _, m := range out.Messages {
			got[aws.ToString(m.Body)]++
		}
	}
	for _, body := range want {
		if got[body] != 1 {
			t.Errorf("%s has %s %d times, want once", queue, body, got[body])
		}
	}
	if len(got) != len(want) {
		t.Errorf("%s has %v, want %v", queue, got, want)
	}
}
