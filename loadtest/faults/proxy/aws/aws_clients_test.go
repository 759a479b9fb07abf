//go:build unix

package aws_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"io"
	"slices"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/provingground/provingground/deploy/local/server/servertest"
	"github.com/provingground/provingground/loadtest/faults/proxy"
	"github.com/provingground/provingground/loadtest/faults/proxy/aws"
	"github.com/provingground/provingground/loadtest/faults/proxy/proxytest"
)

// patientRetryer is the SDK's own, without the waiting.
func patientRetryer() sdk.Retryer {
	return retry.NewStandard(func(o *retry.StandardOptions) {
		o.Backoff = retry.BackoffDelayerFunc(func(int, error) (time.Duration, error) { return 0, nil })
	})
}

// wantOperations compares what was recorded, each name once.
func wantOperations(t *testing.T, p *proxy.Proxy, want ...string) {
	t.Helper()
	var got []string
	for _, step := range p.Recording().Steps(1) {
		got = append(got, step.Operation)
	}
	if !slices.Equal(got, want) {
		t.Errorf("recorded %v, want %v", got, want)
	}
}

// cloud is the emulator of the other services, behind a proxy.
type cloud struct {
	addr  string
	proxy *proxy.Proxy
	sqs   *sqs.Client
	sns   *sns.Client
	s3    *s3.Client
}

func newCloud(t *testing.T, retryer sdk.Retryer) cloud {
	t.Helper()
	addr := servertest.Start(t, "aws").Get("aws").Addr
	p := proxytest.Start(t, addr, aws.Protocol())
	c := config(p.Addr(), retryer)
	pathStyle := func(o *s3.Options) { o.UsePathStyle = true }
	return cloud{addr: addr, proxy: p, sqs: sqs.NewFromConfig(c), sns: sns.NewFromConfig(c), s3: s3.NewFromConfig(c, pathStyle)}
}

func (c cloud) queue(t *testing.T, name string) *string {
	t.Helper()
	out, err := c.sqs.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: &name})
	if err != nil {
		t.Fatal(err)
	}
	return out.QueueUrl
}

// drain returns the bodies of all messages in a queue, sorted.
func (c cloud) drain(t *testing.T, queue *string) []string {
	t.Helper()
	direct := sqs.NewFromConfig(config(c.addr, sdk.NopRetryer{}))
	var bodies []string
	for {
		out, err := direct.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: queue, MaxNumberOfMessages: 10})
		if err != nil {
			t.Fatal(err)
		}
		if len(out.Messages) == 0 {
			slices.Sort(bodies)
			return bodies
		}
		for _, m := range out.Messages {
			bodies = append(bodies, *m.Body)
		}
	}
}

func TestQueuesAndTopicsAreNamed(t *testing.T) {
	c := newCloud(t, sdk.NopRetryer{})
	queue := c.queue(t, "emails")
	if _, err := c.sqs.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: queue, MessageBody: sdk.String("hello")}); err != nil {
		t.Fatal(err)
	}
	topic, err := c.sns.CreateTopic(t.Context(), &sns.CreateTopicInput{Name: sdk.String("orders")})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.sns.Publish(t.Context(), &sns.PublishInput{TopicArn: topic.TopicArn, Message: sdk.String("placed")}); err != nil {
		t.Fatal(err)
	}
	wantOperations(t, c.proxy, "CreateQueue emails", "SendMessage emails", "CreateTopic orders", "Publish orders")
}

func TestADuplicatedMessageIsInTheQueueTwice(t *testing.T) {
	c := newCloud(t, sdk.NopRetryer{})
	queue := c.queue(t, "emails")
	proxytest.Inject(t, c.proxy, proxy.Match{Operation: "SendMessage emails", Nth: 1}, proxy.Duplicate())
	for _, body := range []string{"one", "two"} {
		if _, err := c.sqs.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: queue, MessageBody: &body}); err != nil {
			t.Fatal(err)
		}
	}
	if got := c.drain(t, queue); !slices.Equal(got, []string{"one", "one", "two"}) {
		t.Errorf("the queue holds %v", got)
	}
}

func TestThrottlingHasTheShapeOfEachService(t *testing.T) {
	c := newCloud(t, sdk.NopRetryer{})
	queue := c.queue(t, "emails")
	fault := proxytest.Inject(t, c.proxy, proxy.Match{}, aws.Throttle())
	_, err := c.sqs.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: queue, MessageBody: sdk.String("x")})
	wantCode(t, err, "RequestThrottled")
	_, err = c.sns.CreateTopic(t.Context(), &sns.CreateTopicInput{Name: sdk.String("orders")})
	wantCode(t, err, "Throttling")
	_, err = c.s3.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: sdk.String("photos")})
	wantCode(t, err, "SlowDown")
	_, err = c.s3.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: sdk.String("photos"), Key: sdk.String("x")})
	if err == nil {
		t.Error("a throttled HEAD succeeded")
	}
	if fault.Hits() != 4 {
		t.Errorf("%d operations were throttled, want 4", fault.Hits())
	}
}

func TestTheSDKTriesThrottledCallsAgain(t *testing.T) {
	c := newCloud(t, patientRetryer())
	queue := c.queue(t, "emails")
	for _, pattern := range []string{"SendMessage", "CreateTopic", "CreateBucket"} {
		proxytest.Inject(t, c.proxy, proxy.Match{Operation: pattern, Nth: 1}, aws.Throttle())
	}
	if _, err := c.sqs.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: queue, MessageBody: sdk.String("x")}); err != nil {
		t.Error(err)
	}
	if _, err := c.sns.CreateTopic(t.Context(), &sns.CreateTopicInput{Name: sdk.String("orders")}); err != nil {
		t.Error(err)
	}
	if _, err := c.s3.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: sdk.String("photos")}); err != nil {
		t.Error(err)
	}
}

func (c cloud) bucket(t *testing.T) *string {
	t.Helper()
	name := sdk.String("photos")
	if _, err := c.s3.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: name}); err != nil {
		t.Fatal(err)
	}
	return name
}

func (c cloud) put(ctx context.Context, bucket *string, key string, body io.Reader) error {
	_, err := c.s3.PutObject(ctx, &s3.PutObjectInput{Bucket: bucket, Key: &key, Body: body})
	return err
}

func TestLargeObjectsPassBothWays(t *testing.T) {
	c := newCloud(t, sdk.NopRetryer{})
	bucket := c.bucket(t)
	large := make([]byte, 5<<20) // asks for 100 Continue and has a trailing checksum
	rand.Read(large)
	if err := c.put(t.Context(), bucket, "a/b c", bytes.NewReader(large)); err != nil {
		t.Fatal(err)
	}
	out, err := c.s3.GetObject(t.Context(), &s3.GetObjectInput{Bucket: bucket, Key: sdk.String("a/b c")})
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(out.Body)
	if err != nil || !bytes.Equal(got, large) {
		t.Errorf("%d bytes came back for %d, %v", len(got), len(large), err)
	}
	wantOperations(t, c.proxy, "CreateBucket photos", "PutObject photos", "GetObject photos")
}

func TestFaultsHitLargeObjects(t *testing.T) {
	c := newCloud(t, sdk.NopRetryer{})
	bucket := c.bucket(t)
	large := make([]byte, 5<<20)
	kill := func() error { return nil } // the connection is cut all the same
	for key, test := range map[string]struct {
		effect proxy.Effect
		fails  bool
		there  bool
	}{
		"lost answer":  {proxy.LoseAnswer(), true, true},
		"reset":        {proxy.Reset(), true, false},
		"throttle":     {aws.Throttle(), true, false},
		"kill before":  {proxy.Kill(proxy.Before, kill), true, false},
		"kill after":   {proxy.Kill(proxy.After, kill), true, true},
		"duplicate":    {proxy.Duplicate(), false, true},
		"delay before": {proxy.Delay(proxy.Before, time.Millisecond), false, true},
		"delay after":  {proxy.Delay(proxy.After, time.Millisecond), false, true},
	} {
		t.Run(key, func(t *testing.T) {
			fault := proxytest.Inject(t, c.proxy, proxy.Match{Operation: "PutObject"}, test.effect)
			defer fault.Remove()
			if err := c.put(t.Context(), bucket, key, bytes.NewReader(large)); (err != nil) != test.fails {
				t.Errorf("PutObject ended with %v", err)
			}
			if fault.Hits() != 1 || fault.Skipped() != 0 {
				t.Errorf("hit %d, skipped %d", fault.Hits(), fault.Skipped())
			}
			_, err := c.s3.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: bucket, Key: &key})
			if (err == nil) != test.there {
				t.Errorf("HeadObject ended with %v", err)
			}
		})
	}
}
