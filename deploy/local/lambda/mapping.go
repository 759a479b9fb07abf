//go:build unix

package lambda

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// A Mapping is an event source mapping from an SQS queue to a function, with
// ReportBatchItemFailures: messages whose ids the function names, and all of a
// request that fails, are left, and come back after the queue's own visibility
// timeout. Client, QueueURL and QueueARN must be set before Run.
type Mapping struct {
	Client   *sqs.Client
	QueueURL string
	QueueARN string // which the function reads in each message

	BatchSize int           // messages in a request, 1 to 10, the default
	Requests  int           // at once; default 2, the least that Lambda knows
	Wait      time.Duration // of a long poll; whole seconds up to 20 s, which is the default
	// Observe is told how each request ended: of how many messages, how many failed,
	// and why; may be nil.
	Observe func(messages, failed int, err error)
}

// message is one message as the function gets it (read: "Using Lambda with Amazon
// SQS", 2026-11-24).
type message struct {
	ID         string               `json:"messageId"`
	Receipt    string               `json:"receiptHandle"`
	Body       string               `json:"body"`
	Attributes map[string]string    `json:"attributes"`
	Custom     map[string]attribute `json:"messageAttributes"`
	MD5        string               `json:"md5OfBody"`
	Source     string               `json:"eventSource"`
	SourceARN  string               `json:"eventSourceARN"`
	Region     string               `json:"awsRegion"`
}

type attribute struct {
	StringValue *string `json:"stringValue,omitempty"`
	BinaryValue []byte  `json:"binaryValue,omitempty"`
	DataType    string  `json:"dataType"`
}

// Run polls until ctx ends, finishes the requests under way, and returns.
func (m *Mapping) Run(ctx context.Context, h *Host) error {
	if m.Client == nil || m.QueueURL == "" || m.QueueARN == "" {
		return errors.New("lambda: a mapping needs a client and a queue")
	}
	if m.BatchSize < 0 || m.BatchSize > 10 {
		return fmt.Errorf("lambda: batch size %d: a queue gives at most 10 at once", m.BatchSize)
	}
	var polling sync.WaitGroup
	for range max(m.Requests, 2) {
		polling.Go(func() { m.poll(ctx, h) })
	}
	polling.Wait()
	return nil
}

const (
	callTimeout = 10 * time.Second
	pause       = time.Second // after a failure
)

func (m *Mapping) poll(ctx context.Context, h *Host) {
	for ctx.Err() == nil {
		// Not cut off by ctx: messages that were on their way would be hidden for long.
		batch, err := m.receive(context.WithoutCancel(ctx))
		if err != nil {
			m.observe(0, 0, err)
			sleep(ctx, pause)
			continue
		}
		if len(batch) == 0 {
			continue
		}
		failed, err := m.invoke(context.WithoutCancel(ctx), h, batch)
		m.observe(len(batch), failed, err)
		if errors.Is(err, ErrThrottled) {
			sleep(ctx, pause)
		}
	}
}

func (m *Mapping) observe(messages, failed int, err error) {
	if m.Observe != nil {
		m.Observe(messages, failed, err)
	}
}

func (m *Mapping) receive(ctx context.Context) ([]types.Message, error) {
	wait := m.Wait
	if wait <= 0 {
		wait = 20 * time.Second
	}
	ctx, cancel := context.WithTimeout(ctx, wait+callTimeout)
	defer cancel()
	size := m.BatchSize
	if size == 0 {
		size = 10
	}
	out, err := m.Client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
		QueueUrl: &m.QueueURL, MaxNumberOfMessages: int32(size), WaitTimeSeconds: int32(wait / time.Second),
		MessageAttributeNames:       []string{"All"},
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameAll},
	})
	if err != nil {
		return nil, fmt.Errorf("lambda: receive: %w", err)
	}
	return out.Messages, nil
}

// invoke makes one request and deletes the messages that did not fail.
func (m *Mapping) invoke(ctx context.Context, h *Host, batch []types.Message) (failed int, err error) {
	payload, err := m.event(batch)
	if err != nil {
		return len(batch), err
	}
	answer, err := h.Invoke(ctx, payload)
	if err != nil {
		return len(batch), err
	}
	failures, err := failuresIn(answer, batch)
	if err != nil {
		return len(batch), err
	}
	return len(failures), m.delete(ctx, batch, failures)
}

func (m *Mapping) event(batch []types.Message) ([]byte, error) {
	var event struct{ Records []message }
	for _, from := range batch {
		to := message{
			ID: aws.ToString(from.MessageId), Receipt: aws.ToString(from.ReceiptHandle), Body: aws.ToString(from.Body), MD5: aws.ToString(from.MD5OfBody),
			Attributes: from.Attributes, Custom: map[string]attribute{},
			Source: "aws:sqs", SourceARN: m.QueueARN, Region: "us-east-1",
		}
		for name, a := range from.MessageAttributes {
			to.Custom[name] = attribute{a.StringValue, a.BinaryValue, aws.ToString(a.DataType)}
		}
		event.Records = append(event.Records, to)
	}
	return json.Marshal(event)
}

// failuresIn reads the answer. As on AWS, an answer that names a message that was
// not in the request, or none where it should, fails all of it; an empty one, or
// null, fails nothing.
func failuresIn(answer []byte, batch []types.Message) (map[string]bool, error) {
	var partial struct {
		BatchItemFailures []struct {
			ItemIdentifier string `json:"itemIdentifier"`
		} `json:"batchItemFailures"`
	}
	if err := json.Unmarshal(answer, &partial); err != nil {
		return nil, fmt.Errorf("lambda: answer %.200q: %w", answer, err)
	}
	sent := map[string]bool{}
	for _, m := range batch {
		sent[aws.ToString(m.MessageId)] = true
	}
	failures := map[string]bool{}
	for _, f := range partial.BatchItemFailures {
		if !sent[f.ItemIdentifier] {
			return nil, fmt.Errorf("lambda: the answer names message %.100q, which was not in the request", f.ItemIdentifier)
		}
		failures[f.ItemIdentifier] = true
	}
	return failures, nil
}

func (m *Mapping) delete(ctx context.Context, batch []types.Message, failures map[string]bool) error {
	in := &sqs.DeleteMessageBatchInput{QueueUrl: &m.QueueURL}
	for i, done := range batch {
		if !failures[aws.ToString(done.MessageId)] {
			in.Entries = append(in.Entries, types.DeleteMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), ReceiptHandle: done.ReceiptHandle})
		}
	}
	if len(in.Entries) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	out, err := m.Client.DeleteMessageBatch(ctx, in)
	if err != nil {
		return fmt.Errorf("lambda: delete %d messages: %w", len(in.Entries), err)
	}
	if len(out.Failed) > 0 {
		return fmt.Errorf("lambda: delete: %d of %d failed: %s", len(out.Failed), len(in.Entries), aws.ToString(out.Failed[0].Message))
	}
	return nil
}

func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}
