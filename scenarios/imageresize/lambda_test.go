//go:build unix

package imageresize

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/provingground/provingground/deploy/local/lambda"
)

// program builds cmd/resize as it is deployed.
func program(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "bootstrap")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-buildvcs=false", "-o", file, "./cmd/resize")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return file
}

// archive is a program as Lambda wants it.
func archive(t *testing.T, file string) []byte {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	header := &zip.FileHeader{Name: "bootstrap", Method: zip.Deflate}
	header.SetMode(0o755)
	w, err := z.CreateHeader(header)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(raw); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestTheFunctionRunsOnLambda deploys the template with the built program to the
// emulator, which runs it, and uploads.
func TestTheFunctionRunsOnLambda(t *testing.T) {
	c := newCluster(t)
	key := "code/resize.zip"
	if _, err := c.s3.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &c.names.Renditions, Key: &key, Body: bytes.NewReader(archive(t, program(t)))}); err != nil {
		t.Fatal(err)
	}
	template, err := os.ReadFile("../../deploy/aws/imageresize-lambda.yaml")
	if err != nil {
		t.Fatal(err)
	}
	architecture := map[string]string{"amd64": "x86_64", "arm64": "arm64"}[runtime.GOARCH]
	var parameters []types.Parameter
	for name, value := range map[string]string{"CodeBucket": c.names.Renditions, "CodeKey": key, "Architecture": architecture, "Endpoint": *c.cfg.BaseEndpoint, "DynamoDBEndpoint": *c.db.BaseEndpoint} {
		parameters = append(parameters, types.Parameter{ParameterKey: &name, ParameterValue: &value})
	}
	client := cloudformation.NewFromConfig(c.cfg)
	if _, err := client.CreateStack(t.Context(), &cloudformation.CreateStackInput{
		StackName: aws.String("resize"), TemplateBody: aws.String(string(template)), Parameters: parameters, Capabilities: []types.Capability{types.CapabilityCapabilityNamedIam},
	}); err != nil {
		t.Fatal(err)
	}
	waiter := cloudformation.NewStackCreateCompleteWaiter(client, func(o *cloudformation.StackCreateCompleteWaiterOptions) { o.MinDelay = 50 * time.Millisecond })
	if err := waiter.Wait(t.Context(), &cloudformation.DescribeStacksInput{StackName: aws.String("resize")}, time.Minute); err != nil {
		t.Fatal(err)
	}
	c.uploadsEnd(t)
}

// uploadsEnd uploads what ends well, what ends badly, and poison.
func (c *cluster) uploadsEnd(t *testing.T) {
	t.Helper()
	var ids []string
	data := picture(t, 1200, 900, red())
	for i := range 6 {
		p := c.permit(t, fmt.Sprintf("my photo+%d.jpg", i), "image/jpeg", data)
		put(t, p, data)
		ids = append(ids, p.ID)
	}
	half := c.permit(t, "half.jpg", "image/jpeg", data[:len(data)/2])
	put(t, half, data[:len(data)/2])
	c.send(t, `{"half":`)
	for _, id := range ids {
		wantSizes(t, c.settled(t, id, 1)[0], red(), 1200, 640, 200)
	}
	if got := c.settled(t, half.ID, 1)[0]; got.State != Failed || got.Reason != "corrupt" {
		t.Errorf("half a picture ended as %+v", got)
	}
	eventually(t, "poison is quarantined", func() bool { return len(c.dead(t, `{"half":`)) > 0 })
}

// TestTheFunctionRunsOnTheLocalHost runs the same program, fed from the same
// queue, by deploy/local/lambda.
func TestTheFunctionRunsOnTheLocalHost(t *testing.T) {
	c := newCluster(t)
	env := []string{
		"UPLOADS_BUCKET=" + c.names.Uploads, "RENDITIONS_BUCKET=" + c.names.Renditions, "RECORDS_TABLE=" + c.names.Records, "EVENTS_QUEUE=" + c.names.Queue,
	}
	for name, value := range c.env {
		env = append(env, name+"="+value)
	}
	log := filepath.Join(t.TempDir(), "function.log")
	host, err := lambda.Start(lambda.Function{Name: "resize", Path: program(t), Env: env, Timeout: 30 * time.Second, Concurrency: 2, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(host.Close)
	m := &lambda.Mapping{
		Client: c.sqs, QueueURL: c.queue(t).URL, QueueARN: "arn:aws:sqs:us-east-1:000000000000:" + c.names.Queue, BatchSize: 4, Wait: time.Second,
		Observe: func(messages, failed int, err error) {
			if err != nil {
				t.Logf("request of %d messages: %d failed: %v", messages, failed, err)
			}
		},
	}
	start(t, func(ctx context.Context) {
		if err := m.Run(ctx, host); err != nil {
			t.Error(err)
		}
	})
	c.uploadsEnd(t)
	if s := host.Stats(); s.ColdStarts < 1 || s.ColdStarts > 2 {
		t.Errorf("%+v, want one or two environments for all of it", s)
	}
}

func TestOnlyWhatFailedComesAgain(t *testing.T) {
	c := newCluster(t)
	data := picture(t, 300, 300, green())
	p := c.permit(t, "photo.jpg", "image/jpeg", data)
	good, err := lostEvent(c.names.Uploads, Version{Key: p.Key, ID: put(t, p, data)}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	f := &function{resizer: c.resizer(), queue: c.queue(t), log: c.log}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	answer, err := f.handle(ctx, events.SQSEvent{Records: []events.SQSMessage{{MessageId: "a", Body: good}}})
	if err != nil || len(answer.BatchItemFailures) != 1 || answer.BatchItemFailures[0].ItemIdentifier != "a" {
		t.Errorf("a batch that was cut off: %+v, %v; want that its message failed", answer, err)
	}
	answer, err = f.handle(t.Context(), events.SQSEvent{Records: []events.SQSMessage{
		{MessageId: "a", Body: good}, {MessageId: "b", Body: "poison"}, {MessageId: "c", Body: `{"Event":"s3:TestEvent"}`},
	}})
	if err != nil || len(answer.BatchItemFailures) != 0 {
		t.Errorf("a batch of which all is over: %+v, %v; want no failures", answer, err)
	}
}
