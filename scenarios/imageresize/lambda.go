package imageresize

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/provingground/provingground/pkg/sqsconsumer"
)

// function is the host of the handler on Lambda: the event source mapping of SQS
// receives, and deletes the messages that are not in the answer's list of
// failures. It needs ReportBatchItemFailures: without, one failure repeats all.
type function struct {
	resizer *Resizer
	queue   sqsconsumer.Queue
	log     *slog.Logger
}

// handle handles one batch.
func (f *function) handle(ctx context.Context, batch events.SQSEvent) (events.SQSEventResponse, error) {
	failed := make([]bool, len(batch.Records))
	var handling sync.WaitGroup
	for i, m := range batch.Records {
		handling.Go(func() { failed[i] = !f.one(ctx, m) })
	}
	handling.Wait()
	answer := events.SQSEventResponse{BatchItemFailures: []events.SQSBatchItemFailure{}}
	for i, m := range batch.Records {
		if failed[i] {
			answer.BatchItemFailures = append(answer.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: m.MessageId})
		}
	}
	return answer, nil
}

// one reports whether a message is over.
func (f *function) one(ctx context.Context, m events.SQSMessage) bool {
	receives, err := strconv.Atoi(m.Attributes["ApproximateReceiveCount"])
	if err != nil {
		receives = 1
	}
	err = f.resizer.Handle(ctx, m.Body, receives)
	if err == nil {
		return true
	}
	f.log.Warn("message", "id", m.MessageId, "receives", receives, "error", err)
	if !errors.Is(err, errPoison) {
		return false
	}
	if err := f.bury(ctx, m, receives, err); err != nil {
		f.log.Warn("message", "id", m.MessageId, "error", err)
		return false
	}
	return true
}

// bury sends poison to the dead-letter queue with its reason, as the worker does:
// the mapping's own redrive knows none.
func (f *function) bury(ctx context.Context, m events.SQSMessage, receives int, why error) error {
	attributes := map[string]types.MessageAttributeValue{}
	for name, value := range map[string]string{
		sqsconsumer.AttributeReason: shortened(why.Error()), sqsconsumer.AttributeReceives: strconv.Itoa(receives), sqsconsumer.AttributeID: m.MessageId,
	} {
		attributes[name] = types.MessageAttributeValue{DataType: aws.String("String"), StringValue: &value}
	}
	_, err := f.queue.Client.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: &f.queue.DeadLetterURL, MessageBody: &m.Body, MessageAttributes: attributes})
	if err != nil {
		return fmt.Errorf("send to the dead-letter queue: %w", err)
	}
	return nil
}
