package sqsconsumer

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// underway is a message whose handler runs.
type underway struct {
	Message
	cancel context.CancelFunc
	lost   bool // SQS refused to extend it: somebody else may have it
}

// result is how the handler of one message ended.
type result struct {
	*underway
	err error
}

// handle handles the messages side by side and finishes them. The first results
// do not wait for the last: what is there at each half of the visibility is
// finished then, and the others are extended, each for itself.
func (r *running) handle(ctx context.Context, batch []Message) {
	results := make(chan result, len(batch))
	var handling sync.WaitGroup
	defer handling.Wait()
	open := make([]*underway, 0, len(batch))
	for _, m := range batch {
		ctx, cancel := context.WithCancel(ctx)
		u := &underway{Message: m, cancel: cancel}
		open = append(open, u)
		handling.Go(func() {
			defer cancel()
			results <- result{u, r.call(ctx, m)}
		})
	}
	tick := time.NewTicker(r.Visibility / 2)
	defer tick.Stop()
	var ended []result
	for len(open) > 0 {
		select {
		case one := <-results:
			ended = append(ended, one)
			open = slices.DeleteFunc(open, func(u *underway) bool { return u == one.underway })
			continue
		case <-tick.C:
		}
		r.finish(ctx, ended)
		ended = nil
		r.extend(ctx, open)
	}
	r.finish(ctx, ended)
}

// call turns a panic of the handler into an error: one message must not end the
// others. What a long poll brings after Grace is not begun.
func (r *running) call(ctx context.Context, m Message) (err error) {
	if err := ctx.Err(); err != nil {
		return err
	}
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the handler panicked: %v", p)
		}
	}()
	return r.Handle(ctx, m)
}

// finish deletes what succeeded, buries what never will, and gives back the rest.
func (r *running) finish(ctx context.Context, ended []result) {
	// A handler that was told to stop gets its message released all the same.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTimeout)
	defer cancel()
	var done []Message
	var back []visibility
	for _, e := range ended {
		switch {
		case e.err == nil:
			done = append(done, e.Message)
			r.Observe(e.Message, Done, nil)
		case e.lost:
			r.Observe(e.Message, Lost, e.err) // there is nothing to give back
		case r.hopeless(e):
			if r.bury(ctx, e) {
				done = append(done, e.Message)
			}
		default:
			back = append(back, r.later(e))
		}
	}
	r.delete(ctx, done)
	r.change(ctx, back)
}

// hopeless reports whether a message goes to the dead-letter queue.
func (r *running) hopeless(e result) bool {
	if isPermanent(e.err) {
		return true
	}
	_, waits := isLater(e.err)
	return !waits && !isUnavailable(e.err) && !isCanceled(e.err) && e.Receives >= r.MaxReceives
}

// later gives a message back: at once if the consumer stops, else with a delay.
func (r *running) later(e result) visibility {
	if isCanceled(e.err) {
		r.Observe(e.Message, Released, e.err)
		return visibility{e.Message, 0}
	}
	if isUnavailable(e.err) {
		r.breaker.trip()
	}
	r.Observe(e.Message, Retried, e.err)
	if after, ok := isLater(e.err); ok {
		return visibility{e.Message, after}
	}
	return visibility{e.Message, delay(e.Receives)}
}

// Attributes of a message on the dead-letter queue.
const (
	AttributeReason   = "dead-letter-reason"   // the handler's last error
	AttributeReceives = "dead-letter-receives" // how often it had been received
	AttributeID       = "dead-letter-id"       // its id on the queue it came from
)

// bury sends a message to the dead-letter queue. It is deleted only after that,
// so a crash in between buries it twice, with the same AttributeID.
func (r *running) bury(ctx context.Context, e result) bool {
	attributes := map[string]types.MessageAttributeValue{
		AttributeReason:   text(shortened(e.err.Error())),
		AttributeReceives: text(strconv.Itoa(e.Receives)),
		AttributeID:       text(e.ID),
	}
	for name, value := range e.Attributes {
		if _, taken := attributes[name]; !taken && value != "" && len(attributes) < 10 {
			attributes[name] = text(value)
		}
	}
	_, err := r.Client.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: &r.DeadLetterURL, MessageBody: &e.Body, MessageAttributes: attributes})
	if err != nil {
		r.Observe(e.Message, Failed, fmt.Errorf("send to the dead-letter queue: %w", err))
		return false
	}
	r.Observe(e.Message, Dead, e.err)
	return true
}

func text(s string) types.MessageAttributeValue {
	return types.MessageAttributeValue{DataType: aws.String("String"), StringValue: &s}
}

// shortened keeps a reason within what an attribute should carry.
func shortened(s string) string {
	const most = 1000
	return s[:min(len(s), most)]
}

func (r *running) delete(ctx context.Context, done []Message) {
	if len(done) == 0 {
		return
	}
	in := &sqs.DeleteMessageBatchInput{QueueUrl: &r.QueueURL}
	for i, m := range done {
		in.Entries = append(in.Entries, types.DeleteMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), ReceiptHandle: m.receipt})
	}
	out, err := r.Client.DeleteMessageBatch(ctx, in)
	if err != nil {
		r.Observe(Message{}, Failed, fmt.Errorf("delete %d messages: %w", len(done), err))
		return
	}
	for _, f := range out.Failed {
		_, m := at(done, f)
		r.Observe(m, Failed, fmt.Errorf("delete: %s: %s", aws.ToString(f.Code), aws.ToString(f.Message)))
	}
}

// at returns the message that an entry of a batch speaks of and its place, or -1
// for an entry that was not sent.
func at(all []Message, f types.BatchResultErrorEntry) (int, Message) {
	i, err := strconv.Atoi(aws.ToString(f.Id))
	if err != nil || i < 0 || i >= len(all) {
		return -1, Message{}
	}
	return i, all[i]
}

// visibility is a message and how long it stays hidden from now on.
type visibility struct {
	Message
	hidden time.Duration
}

// extend keeps the messages for another visibility timeout. The handler of one
// that is no longer ours is told to stop; the others go on.
func (r *running) extend(ctx context.Context, open []*underway) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTimeout)
	defer cancel()
	var ours []*underway
	var all []visibility
	for _, u := range open {
		if !u.lost {
			ours = append(ours, u)
			all = append(all, visibility{u.Message, r.Visibility})
		}
	}
	for _, i := range r.change(ctx, all) {
		ours[i].lost = true
		ours[i].cancel()
	}
}

// change sets visibilities, and returns the places of those that SQS refused
// because they are no longer ours. A call that failed, and an entry that failed for
// another reason, say nothing: the message may still be ours.
func (r *running) change(ctx context.Context, all []visibility) (refused []int) {
	if len(all) == 0 {
		return nil
	}
	in := &sqs.ChangeMessageVisibilityBatchInput{QueueUrl: &r.QueueURL}
	messages := make([]Message, len(all))
	for i, v := range all {
		messages[i] = v.Message
		in.Entries = append(in.Entries, types.ChangeMessageVisibilityBatchRequestEntry{
			Id: aws.String(strconv.Itoa(i)), ReceiptHandle: v.receipt, VisibilityTimeout: int32((v.hidden + time.Second - 1) / time.Second),
		})
	}
	out, err := r.Client.ChangeMessageVisibilityBatch(ctx, in)
	if err != nil {
		r.Observe(Message{}, Failed, fmt.Errorf("change visibility of %d messages: %w", len(all), err))
		return nil
	}
	for _, f := range out.Failed {
		i, m := at(messages, f)
		r.Observe(m, Failed, fmt.Errorf("change visibility: %s: %s", aws.ToString(f.Code), aws.ToString(f.Message)))
		if i >= 0 && gone(aws.ToString(f.Code)) {
			refused = append(refused, i)
		}
	}
	return refused
}

// gone tells by its code an entry that says that a message is deleted, or somebody
// else's. SenderFault does not tell: throttling is the sender's, too.
func gone(code string) bool {
	code = strings.TrimPrefix(code, "AWS.SimpleQueueService.")
	switch strings.TrimSuffix(code, "Exception") { // LocalStack has it behind each
	case "InvalidParameterValue", "ReceiptHandleIsInvalid", "MessageNotInflight":
		return true
	}
	return false
}
