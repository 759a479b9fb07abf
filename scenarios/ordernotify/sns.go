package ordernotify

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"

	"github.com/provingground/provingground/pkg/outbox"
)

const (
	snsBatch    = 10 // the most that PublishBatch takes
	snsParallel = 4  // calls at once
)

// topic is where events go. Subscriptions filter by the attribute "type".
type topic struct {
	client *sns.Client
	arn    string
}

// name is the topic without whose it is.
func (t *topic) name() string { return t.arn[strings.LastIndexByte(t.arn, ':')+1:] }

// publish sends the messages ten by ten. When no call succeeded the topic is
// away or throttled: that is an error of the whole, and no message has failed.
func (t *topic) publish(ctx context.Context, batch []outbox.Message) ([]error, error) {
	failed := make([]error, len(batch))
	calls := make(chan struct{}, snsParallel)
	var sending sync.WaitGroup
	var mu sync.Mutex
	var last error
	succeeded := false
	for first := 0; first < len(batch); first += snsBatch {
		end := min(first+snsBatch, len(batch))
		calls <- struct{}{}
		sending.Go(func() {
			defer func() { <-calls }()
			err := t.publishTen(ctx, batch[first:end], failed[first:end])
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				last = err
				return
			}
			succeeded = true
		})
	}
	sending.Wait()
	if !succeeded {
		return nil, last
	}
	return failed, nil
}

// publishTen enters into failed what became of each message. An error says so of
// all of them.
func (t *topic) publishTen(ctx context.Context, batch []outbox.Message, failed []error) error {
	in := &sns.PublishBatchInput{TopicArn: &t.arn}
	for i, m := range batch {
		body, err := envelope(m)
		if err != nil {
			failed[i] = err
			continue
		}
		in.PublishBatchRequestEntries = append(in.PublishBatchRequestEntries, types.PublishBatchRequestEntry{
			Id: aws.String(strconv.Itoa(i)), Message: aws.String(string(body)),
			MessageAttributes: attributes(m),
		})
	}
	if len(in.PublishBatchRequestEntries) == 0 {
		return nil
	}
	out, err := t.client.PublishBatch(ctx, in)
	if err != nil {
		for i := range failed {
			failed[i] = errors.Join(failed[i], err)
		}
		return fmt.Errorf("publish %d events: %w", len(batch), err)
	}
	for _, f := range out.Failed {
		i, err := strconv.Atoi(aws.ToString(f.Id))
		if err != nil || i < 0 || i >= len(failed) {
			return fmt.Errorf("publish: answer about entry %q, which was not sent", aws.ToString(f.Id))
		}
		failed[i] = fmt.Errorf("publish: %s: %s", aws.ToString(f.Code), aws.ToString(f.Message))
	}
	return nil
}

// attributes are those of the row, and the type. Queues that take messages raw get
// them as attributes of theirs.
func attributes(m outbox.Message) map[string]types.MessageAttributeValue {
	all := make(map[string]types.MessageAttributeValue, len(m.Attributes)+1)
	for name, value := range m.Attributes {
		all[name] = types.MessageAttributeValue{DataType: aws.String("String"), StringValue: aws.String(value)}
	}
	all["type"] = types.MessageAttributeValue{DataType: aws.String("String"), StringValue: aws.String(m.Kind)}
	return all
}
