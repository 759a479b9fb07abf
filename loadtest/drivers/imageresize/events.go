package imageresize

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// testEvent is what S3 sends when a notification is configured.
const testEvent = `{"Service":"Amazon S3","Event":"s3:TestEvent","Time":"2026-11-24T00:00:00.000Z","Bucket":"imageresize-uploads","RequestId":"5582815E1AEA5ADF","HostId":"8cLeGAmw098X5cv4Zkwcmo8vvZa3eH3eKxsPzbB9wrR"}`

// repeatEvents sends the event of every version so many times more.
func (s *stores) repeatEvents(ctx context.Context, times int) error {
	sources, err := s.sources(ctx)
	if err != nil {
		return err
	}
	bodies := []string{testEvent}
	for _, v := range sources {
		body, err := event(s.env["UPLOADS_BUCKET"], v)
		if err != nil {
			return err
		}
		for range times {
			bodies = append(bodies, body)
		}
	}
	queue, err := s.queue.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: aws.String(s.env["EVENTS_QUEUE"])})
	if err != nil {
		return err
	}
	for len(bodies) > 0 {
		ten := bodies[:min(10, len(bodies))]
		bodies = bodies[len(ten):]
		in := &sqs.SendMessageBatchInput{QueueUrl: queue.QueueUrl}
		for i, body := range ten {
			in.Entries = append(in.Entries, sqstypes.SendMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), MessageBody: &body})
		}
		if out, err := s.queue.SendMessageBatch(ctx, in); err != nil || len(out.Failed) > 0 {
			return fmt.Errorf("send %d events: %w", len(ten), err)
		}
	}
	return nil
}

// event is what S3 says about a version.
func event(bucket string, v source) (string, error) {
	raw, err := json.Marshal(map[string]any{"Records": []any{map[string]any{
		"eventVersion": "2.1", "eventSource": "aws:s3", "eventName": "ObjectCreated:Put",
		"s3": map[string]any{
			"bucket": map[string]any{"name": bucket},
			"object": map[string]any{"key": url.QueryEscape(v.key), "eTag": v.etag, "versionId": v.version},
		},
	}}})
	return string(raw), err
}

// announceNothing takes the notification off the bucket, and keeps it.
func (s *stores) announceNothing(ctx context.Context) error {
	out, err := s.s3.GetBucketNotificationConfiguration(ctx, &s3.GetBucketNotificationConfigurationInput{Bucket: aws.String(s.env["UPLOADS_BUCKET"])})
	if err != nil {
		return err
	}
	if len(out.QueueConfigurations) == 0 {
		return fmt.Errorf("bucket %s announces nothing as it is", s.env["UPLOADS_BUCKET"])
	}
	s.announced = out.QueueConfigurations
	return s.announce(ctx, nil)
}

func (s *stores) announceAgain(ctx context.Context) error { return s.announce(ctx, s.announced) }

func (s *stores) announce(ctx context.Context, queues []types.QueueConfiguration) error {
	_, err := s.s3.PutBucketNotificationConfiguration(ctx, &s3.PutBucketNotificationConfigurationInput{
		Bucket: aws.String(s.env["UPLOADS_BUCKET"]), NotificationConfiguration: &types.NotificationConfiguration{QueueConfigurations: queues},
	})
	return err
}
