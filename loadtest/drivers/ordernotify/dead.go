package ordernotify

import (
	"context"
	"fmt"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// deadLetters counts what is on the dead-letter queues.
func deadLetters(ctx context.Context, env map[string]string) (n int, err error) {
	client := sqs.New(sqs.Options{
		Region: env["AWS_REGION"], BaseEndpoint: aws.String(env["AWS_ENDPOINT_URL_SQS"]),
		Credentials: credentials.NewStaticCredentialsProvider(env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"], ""),
	})
	for _, name := range []string{env["EMAIL_QUEUE"], env["INVENTORY_QUEUE"], env["SES_EVENTS_QUEUE"]} {
		queue, err := client.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: aws.String(name + "-dead")})
		if err != nil {
			return 0, fmt.Errorf("dead-letter queue of %s: %w", name, err)
		}
		out, err := client.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{
			QueueUrl: queue.QueueUrl, AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameApproximateNumberOfMessages},
		})
		if err != nil {
			return 0, fmt.Errorf("dead-letter queue of %s: %w", name, err)
		}
		here, err := strconv.Atoi(out.Attributes[string(types.QueueAttributeNameApproximateNumberOfMessages)])
		if err != nil {
			return 0, fmt.Errorf("dead-letter queue of %s: %w", name, err)
		}
		n += here
	}
	return n, nil
}
