//go:build unix

package lambda

import (
	"encoding/json"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

func batch() []types.Message {
	return []types.Message{
		{MessageId: aws.String("a"), Body: aws.String("first"), ReceiptHandle: aws.String("ra"), Attributes: map[string]string{"ApproximateReceiveCount": "2"}},
		{MessageId: aws.String("b"), Body: aws.String("second"), MessageAttributes: map[string]types.MessageAttributeValue{"kind": {DataType: aws.String("String"), StringValue: aws.String("x")}}},
	}
}

func TestAnAnswerSaysWhichMessagesFailedOrThatAllDid(t *testing.T) {
	for _, tt := range []struct {
		answer string
		failed int // -1: all, as an error
	}{
		{`{}`, 0},
		{`null`, 0},
		{`{"batchItemFailures":[]}`, 0},
		{`{"batchItemFailures":[{"itemIdentifier":"b"}]}`, 1},
		{`{"batchItemFailures":[{"itemIdentifier":"a"},{"itemIdentifier":"b"}]}`, 2},
		{`{"batchItemFailures":[{"itemIdentifier":""}]}`, -1},
		{`{"batchItemFailures":[{"itemIdentifier":null}]}`, -1},
		{`{"batchItemFailures":[{"itemIdentifier":"stranger"}]}`, -1},
		{`{"batchItemFailures":"all"}`, -1},
		{`half`, -1},
	} {
		failed, err := failuresIn([]byte(tt.answer), batch())
		if (err != nil) != (tt.failed < 0) || err == nil && len(failed) != tt.failed {
			t.Errorf("%s: %v, %v; want %d", tt.answer, failed, err, tt.failed)
		}
	}
}

func TestTheEventHasWhatFunctionsRead(t *testing.T) {
	m := &Mapping{QueueARN: "arn:aws:sqs:us-east-1:000000000000:q"}
	raw, err := m.event(batch())
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Records []struct {
			MessageID, Body, EventSource, EventSourceARN string
			Attributes                                   map[string]string
			MessageAttributes                            map[string]struct{ StringValue, DataType string }
		}
	}
	if err := json.Unmarshal(raw, &got); err != nil || len(got.Records) != 2 {
		t.Fatalf("event %s: %v", raw, err)
	}
	first, second := got.Records[0], got.Records[1]
	if first.MessageID != "a" || first.Body != "first" || first.Attributes["ApproximateReceiveCount"] != "2" || first.EventSource != "aws:sqs" || first.EventSourceARN != m.QueueARN {
		t.Errorf("first record %+v", first)
	}
	if a := second.MessageAttributes["kind"]; a.StringValue != "x" || a.DataType != "String" {
		t.Errorf("attributes of the second: %+v", second.MessageAttributes)
	}
}
