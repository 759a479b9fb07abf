//go:build unix

package aws_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/provingground/provingground/deploy/local/provision"
	"github.com/provingground/provingground/deploy/local/server/servertest"
	"github.com/provingground/provingground/scenarios"
)

// TestTheImagesDataPlaneAnnouncesVersions uploads by the names that the catalogue
// gives to the roles, and reads what S3 says about it.
func TestTheImagesDataPlaneAnnouncesVersions(t *testing.T) {
	template, err := os.ReadFile("imageresize.yaml")
	if err != nil {
		t.Fatal(err)
	}
	servers := servertest.Start(t, "aws", "dynamodb").Env()
	for range 2 { // the second time it is there already
		if err := provision.Apply(t.Context(), servers, "imageresize", string(template)); err != nil {
			t.Fatal(err)
		}
	}
	cfg := aws.Config{
		Region:      servers["AWS_REGION"],
		Credentials: credentials.NewStaticCredentialsProvider(servers["AWS_ACCESS_KEY_ID"], servers["AWS_SECRET_ACCESS_KEY"], ""),
	}
	sc, _ := scenarios.Find("imageresize")
	env := sc.Role("resize").Env
	objects := s3.NewFromConfig(cfg, func(o *s3.Options) { o.BaseEndpoint, o.UsePathStyle = aws.String(servers["AWS_ENDPOINT_URL_S3"]), true })
	queues := sqs.NewFromConfig(cfg, func(o *sqs.Options) { o.BaseEndpoint = aws.String(servers["AWS_ENDPOINT_URL_SQS"]) })
	for _, key := range []string{"in/a b+c.jpg", "in/a b+c.jpg", "elsewhere/x.jpg"} {
		if _, err := objects.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String(env["UPLOADS_BUCKET"]), Key: &key, Body: strings.NewReader("x")}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := objects.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String(env["RENDITIONS_BUCKET"]), Key: aws.String("in/x.jpg"), Body: strings.NewReader("x")}); err != nil {
		t.Fatal(err)
	}
	versions := map[string]bool{}
	for _, body := range receiveAll(t, queues, env["EVENTS_QUEUE"]) {
		var event struct {
			Event   string
			Records []struct {
				S3 struct {
					Object struct{ Key, VersionID string }
				}
			}
		}
		if err := json.Unmarshal([]byte(body), &event); err != nil {
			t.Fatal(err)
		}
		for _, r := range event.Records {
			if r.S3.Object.Key != "in/a+b%2Bc.jpg" || r.S3.Object.VersionID == "" {
				t.Errorf("announced: %s", body)
			}
			versions[r.S3.Object.VersionID] = true
		}
	}
	if len(versions) != 2 {
		t.Errorf("%d versions were announced, want the two below in/", len(versions))
	}
	if messages := receiveAll(t, queues, env["EVENTS_QUEUE"]+"-dead"); len(messages) != 0 {
		t.Errorf("dead letters: %q", messages)
	}
	db := dynamodb.NewFromConfig(cfg, func(o *dynamodb.Options) { o.BaseEndpoint = aws.String(servers["AWS_ENDPOINT_URL_DYNAMODB"]) })
	table, err := db.DescribeTable(t.Context(), &dynamodb.DescribeTableInput{TableName: aws.String(env["RECORDS_TABLE"])})
	if err != nil {
		t.Fatal(err)
	}
	if keys := table.Table.KeySchema; len(keys) != 2 || aws.ToString(keys[0].AttributeName) != "key" || aws.ToString(keys[1].AttributeName) != "version" {
		t.Errorf("key of the table = %+v, want key and version", keys)
	}
}

// receiveAll receives until nothing comes.
func receiveAll(t *testing.T, client *sqs.Client, queue string) (bodies []string) {
	t.Helper()
	url, err := client.GetQueueUrl(t.Context(), &sqs.GetQueueUrlInput{QueueName: &queue})
	if err != nil {
		t.Fatal(err)
	}
	for {
		out, err := client.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: url.QueueUrl, MaxNumberOfMessages: 10, WaitTimeSeconds: 1})
		if err != nil {
			t.Fatal(err)
		}
		if len(out.Messages) == 0 {
			return bodies
		}
		for _, m := range out.Messages {
			bodies = append(bodies, aws.ToString(m.Body))
		}
	}
}
