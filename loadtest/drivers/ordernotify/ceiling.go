package ordernotify

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ses"
	sesTypes "github.com/aws/aws-sdk-go-v2/service/ses/types"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	snsTypes "github.com/aws/aws-sdk-go-v2/service/sns/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqsTypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/provingground/provingground/loadtest/trial"
)

const (
	mailCallers    = 16
	pipePublishers = 2 // as many as relays
	pipeReceivers  = 8
	batch          = 10 // the most that SNS and SQS take in one call
	probeSubject   = "ceiling"
)

// ceiling is what the AWS emulator does alone, called from this process as the
// roles call it.
type ceiling struct {
	mails  float64 // per second, one call each; an order takes two
	events float64 // per second, through one topic and one queue until deleted, in batches
}

func measureCeiling(ctx context.Context, env map[string]string) (ceiling, error) {
	cfg := aws.Config{
		Region:           env["AWS_REGION"],
		RetryMaxAttempts: 1,
		Credentials:      credentials.NewStaticCredentialsProvider(env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"], ""),
	}
	at := func(service string) *string { return aws.String(env["AWS_ENDPOINT_URL_"+service]) }
	mails, err := mailCeiling(ctx, ses.NewFromConfig(cfg, func(o *ses.Options) { o.BaseEndpoint = at("SES") }), env)
	if err != nil {
		return ceiling{}, fmt.Errorf("how many mails the emulator takes: %w", err)
	}
	p := pipe{
		sns: sns.NewFromConfig(cfg, func(o *sns.Options) { o.BaseEndpoint = at("SNS") }),
		sqs: sqs.NewFromConfig(cfg, func(o *sqs.Options) { o.BaseEndpoint = at("SQS") }),
	}
	events, err := p.ceiling(ctx)
	if err != nil {
		return ceiling{}, fmt.Errorf("how many events the emulator carries: %w", err)
	}
	return ceiling{mails, events}, nil
}

func mailCeiling(ctx context.Context, client *ses.Client, env map[string]string) (float64, error) {
	in := &ses.SendEmailInput{
		Source:               aws.String(env["MAIL_FROM"]),
		ConfigurationSetName: aws.String(env["CONFIGURATION_SET"]),
		Destination:          &sesTypes.Destination{ToAddresses: []string{"ceiling@example.com"}},
		Message: &sesTypes.Message{
			Subject: &sesTypes.Content{Data: aws.String(probeSubject)},
			Body:    &sesTypes.Body{Text: &sesTypes.Content{Data: aws.String("How many of these?")}},
		},
	}
	return trial.Ceiling(mailCallers, func(int, int) (int, error) {
		_, err := client.SendEmail(ctx, in)
		return 1, err
	})
}

// pipe is a topic with one queue that nobody else uses.
type pipe struct {
	sns          *sns.Client
	sqs          *sqs.Client
	topic, queue string
}

// ceiling publishes and receives at the same time: against a deep backlog the
// emulator receives more slowly than it does in a load that keeps up.
func (p *pipe) ceiling(ctx context.Context) (rate float64, err error) {
	if err := p.open(ctx); err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, p.close(context.WithoutCancel(ctx))) }()
	entries := make([]snsTypes.PublishBatchRequestEntry, batch)
	for i := range entries {
		entries[i] = snsTypes.PublishBatchRequestEntry{Id: aws.String(fmt.Sprint(i)), Message: aws.String(strings.Repeat("x", 200))}
	}
	var publishing sync.WaitGroup
	var refused error
	publishing.Go(func() {
		_, refused = trial.Ceiling(pipePublishers, func(int, int) (int, error) {
			_, err := p.sns.PublishBatch(ctx, &sns.PublishBatchInput{TopicArn: &p.topic, PublishBatchRequestEntries: entries})
			return batch, err
		})
	})
	rate, err = trial.Ceiling(pipeReceivers, func(int, int) (int, error) { return p.take(ctx) })
	publishing.Wait()
	return rate, errors.Join(err, refused)
}

// take receives and deletes, and returns how many.
func (p *pipe) take(ctx context.Context) (int, error) {
	out, err := p.sqs.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: &p.queue, MaxNumberOfMessages: batch, WaitTimeSeconds: 1})
	if err != nil || len(out.Messages) == 0 {
		return 0, err
	}
	entries := make([]sqsTypes.DeleteMessageBatchRequestEntry, len(out.Messages))
	for i, m := range out.Messages {
		entries[i] = sqsTypes.DeleteMessageBatchRequestEntry{Id: aws.String(fmt.Sprint(i)), ReceiptHandle: m.ReceiptHandle}
	}
	_, err = p.sqs.DeleteMessageBatch(ctx, &sqs.DeleteMessageBatchInput{QueueUrl: &p.queue, Entries: entries})
	return len(entries), err
}

func (p *pipe) open(ctx context.Context) error {
	topic, err := p.sns.CreateTopic(ctx, &sns.CreateTopicInput{Name: aws.String("ceiling")})
	if err != nil {
		return err
	}
	queue, err := p.sqs.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String("ceiling")})
	if err != nil {
		return err
	}
	p.topic, p.queue = aws.ToString(topic.TopicArn), aws.ToString(queue.QueueUrl)
	of, err := p.sqs.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: &p.queue, AttributeNames: []sqsTypes.QueueAttributeName{sqsTypes.QueueAttributeNameQueueArn}})
	if err != nil {
		return err
	}
	_, err = p.sns.Subscribe(ctx, &sns.SubscribeInput{
		TopicArn: &p.topic, Protocol: aws.String("sqs"), Endpoint: aws.String(of.Attributes["QueueArn"]), Attributes: map[string]string{"RawMessageDelivery": "true"},
	})
	return err
}

func (p *pipe) close(ctx context.Context) error {
	_, ofTopic := p.sns.DeleteTopic(ctx, &sns.DeleteTopicInput{TopicArn: &p.topic})
	_, ofQueue := p.sqs.DeleteQueue(ctx, &sqs.DeleteQueueInput{QueueUrl: &p.queue})
	return errors.Join(ofTopic, ofQueue)
}
