package sqsconsumer

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

// Queue is a queue and its dead-letter queue, which has the same name with
// "-dead" behind it.
type Queue struct {
	Client        *sqs.Client
	Name          string
	URL           string
	DeadLetterURL string
}

// FindQueue looks up the addresses of both queues. It fails if one of them does
// not exist.
func FindQueue(ctx context.Context, client *sqs.Client, name string) (Queue, error) {
	q := Queue{Client: client, Name: name}
	for suffix, url := range map[string]*string{"": &q.URL, "-dead": &q.DeadLetterURL} {
		out, err := client.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: aws.String(name + suffix)})
		if err != nil {
			return Queue{}, fmt.Errorf("queue %s%s: %w", name, suffix, err)
		}
		*url = aws.ToString(out.QueueUrl)
	}
	return q, nil
}
