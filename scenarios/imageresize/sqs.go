package imageresize

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

// queue is where the events go, by name. Its dead-letter queue has the same name
// with "-dead" behind it.
type queue struct {
	client    *sqs.Client
	name      string
	url, dead string
}

// findQueue looks up the addresses of a queue and its dead-letter queue.
func findQueue(ctx context.Context, client *sqs.Client, name string) (queue, error) {
	q := queue{client: client, name: name}
	for suffix, url := range map[string]*string{"": &q.url, "-dead": &q.dead} {
		out, err := client.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: aws.String(name + suffix)})
		if err != nil {
			return queue{}, fmt.Errorf("queue %s%s: %w", name, suffix, err)
		}
		*url = aws.ToString(out.QueueUrl)
	}
	return q, nil
}
