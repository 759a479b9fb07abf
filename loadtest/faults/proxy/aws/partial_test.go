//go:build unix

package aws_test

import (
	"fmt"
	"slices"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	snstypes "github.com/aws/aws-sdk-go-v2/service/sns/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/provingground/provingground/loadtest/faults/proxy"
	"github.com/provingground/provingground/loadtest/faults/proxy/aws"
	"github.com/provingground/provingground/loadtest/faults/proxy/proxytest"
)

func writes(ids ...string) map[string][]types.WriteRequest {
	var requests []types.WriteRequest
	for _, id := range ids {
		requests = append(requests, types.WriteRequest{PutRequest: &types.PutRequest{Item: item(id)}})
	}
	return map[string][]types.WriteRequest{"links": requests}
}

func idOf(attributes map[string]types.AttributeValue) string {
	return attributes["id"].(*types.AttributeValueMemberS).Value
}

func TestUnprocessedItemsAreReturnedAndNotThere(t *testing.T) {
	tb := newTable(t)
	proxytest.Inject(t, tb.proxy, proxy.Match{Operation: "BatchWriteItem", Times: 1}, aws.Partial(2))
	out, err := tb.through.BatchWriteItem(t.Context(), &dynamodb.BatchWriteItemInput{RequestItems: writes("1", "2", "3", "4")})
	if err != nil {
		t.Fatal(err)
	}
	var left []string
	for _, r := range out.UnprocessedItems["links"] {
		left = append(left, idOf(r.PutRequest.Item))
	}
	if !slices.Equal(left, []string{"2", "4"}) {
		t.Errorf("unprocessed are %v, want 2 and 4", left)
	}
	for id, there := range map[string]bool{"1": true, "2": false, "3": true, "4": false} {
		tb.want(t, id, there)
	}
	// What is left can be sent again as it came.
	if out, err = tb.through.BatchWriteItem(t.Context(), &dynamodb.BatchWriteItemInput{RequestItems: out.UnprocessedItems}); err != nil || len(out.UnprocessedItems) > 0 {
		t.Errorf("sending the rest again: %v, %v", out, err)
	}
	tb.want(t, "4", true)
}

func TestUnprocessedKeysAreReturned(t *testing.T) {
	tb := newTable(t)
	if _, err := tb.direct.BatchWriteItem(t.Context(), &dynamodb.BatchWriteItemInput{RequestItems: writes("1", "2", "3")}); err != nil {
		t.Fatal(err)
	}
	proxytest.Inject(t, tb.proxy, proxy.Match{}, aws.Partial(2))
	out, err := tb.through.BatchGetItem(t.Context(), &dynamodb.BatchGetItemInput{RequestItems: map[string]types.KeysAndAttributes{
		"links": {Keys: []map[string]types.AttributeValue{item("1"), item("2"), item("3")}, ConsistentRead: sdk.Bool(true)},
	}})
	if err != nil {
		t.Fatal(err)
	}
	left := out.UnprocessedKeys["links"]
	if len(out.Responses["links"]) != 2 || len(left.Keys) != 1 || idOf(left.Keys[0]) != "2" || !*left.ConsistentRead {
		t.Errorf("got %d items and unprocessed %+v, want 2 items and key 2 as it was asked for", len(out.Responses["links"]), left)
	}
}

func TestABatchOfOneItemAlwaysPasses(t *testing.T) {
	tb := newTable(t)
	fault := proxytest.Inject(t, tb.proxy, proxy.Match{}, aws.Partial(1))
	out, err := tb.through.BatchWriteItem(t.Context(), &dynamodb.BatchWriteItemInput{RequestItems: writes("1")})
	if err != nil || len(out.UnprocessedItems) != 0 {
		t.Errorf("BatchWriteItem = %v, %v", out.UnprocessedItems, err)
	}
	tb.want(t, "1", true)
	if fault.Skipped() != 1 {
		t.Errorf("skipped %d, want 1", fault.Skipped())
	}
}

func TestFailedMessagesAreNotSentAndNamed(t *testing.T) {
	for every, want := range map[int][]string{1: nil, 2: {"body0", "body2"}, 3: {"body0", "body1"}} {
		c := newCloud(t, sdk.NopRetryer{})
		queue := c.queue(t, "emails")
		proxytest.Inject(t, c.proxy, proxy.Match{Operation: "SendMessageBatch emails"}, aws.Partial(every))
		var entries []sqstypes.SendMessageBatchRequestEntry
		for i := range 3 {
			entries = append(entries, sqstypes.SendMessageBatchRequestEntry{
				Id: sdk.String(fmt.Sprint("id", i)), MessageBody: sdk.String(fmt.Sprint("body", i)),
				MessageAttributes: map[string]sqstypes.MessageAttributeValue{"n": {DataType: sdk.String("Number"), StringValue: sdk.String(fmt.Sprint(i))}},
			})
		}
		out, err := c.sqs.SendMessageBatch(t.Context(), &sqs.SendMessageBatchInput{QueueUrl: queue, Entries: entries})
		if err != nil {
			t.Fatal(err) // the SDK compares the MD5 of each message
		}
		if len(out.Successful) != len(want) || len(out.Failed) != 3-len(want) {
			t.Errorf("every %d: %d successful, %d failed", every, len(out.Successful), len(out.Failed))
		}
		for _, f := range out.Failed {
			if slices.Contains(want, "body"+(*f.Id)[2:]) || f.SenderFault || *f.Code == "" {
				t.Errorf("every %d: failed %+v", every, f)
			}
		}
		if got := c.drain(t, queue); !slices.Equal(got, want) {
			t.Errorf("every %d: the queue holds %v, want %v", every, got, want)
		}
	}
}

func TestMessagesThatFailedToBeDeletedComeAgain(t *testing.T) {
	c := newCloud(t, sdk.NopRetryer{})
	queue := c.queue(t, "emails")
	for _, body := range []string{"one", "two"} {
		if _, err := c.sqs.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: queue, MessageBody: &body}); err != nil {
			t.Fatal(err)
		}
	}
	received, err := c.sqs.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: queue, MaxNumberOfMessages: 10})
	if err != nil {
		t.Fatal(err)
	}
	var entries []sqstypes.DeleteMessageBatchRequestEntry
	for i, m := range received.Messages {
		entries = append(entries, sqstypes.DeleteMessageBatchRequestEntry{Id: sdk.String(fmt.Sprint(i)), ReceiptHandle: m.ReceiptHandle})
	}
	proxytest.Inject(t, c.proxy, proxy.Match{Operation: "DeleteMessageBatch"}, aws.Partial(2))
	out, err := c.sqs.DeleteMessageBatch(t.Context(), &sqs.DeleteMessageBatchInput{QueueUrl: queue, Entries: entries})
	if err != nil || len(out.Failed) != 1 || *out.Failed[0].Id != "1" {
		t.Fatalf("DeleteMessageBatch = %+v, %v", out, err)
	}
	for _, m := range received.Messages { // do not wait for the visibility timeout
		_, _ = c.sqs.ChangeMessageVisibility(t.Context(), &sqs.ChangeMessageVisibilityInput{QueueUrl: queue, ReceiptHandle: m.ReceiptHandle})
	}
	if got := c.drain(t, queue); !slices.Equal(got, []string{*received.Messages[1].Body}) {
		t.Errorf("the queue holds %v, want the one that was not deleted", got)
	}
}

func TestFailedPublicationsDoNotReachTheQueue(t *testing.T) {
	for every, want := range map[int][]string{1: nil, 2: {"m0", "m2"}} {
		c := newCloud(t, sdk.NopRetryer{})
		queue, topic := c.subscribed(t)
		proxytest.Inject(t, c.proxy, proxy.Match{Operation: "PublishBatch orders"}, aws.Partial(every))
		var entries []snstypes.PublishBatchRequestEntry
		for i := range 3 {
			entries = append(entries, snstypes.PublishBatchRequestEntry{Id: sdk.String(fmt.Sprint("a&b", i)), Message: sdk.String(fmt.Sprint("m", i))})
		}
		out, err := c.sns.PublishBatch(t.Context(), &sns.PublishBatchInput{TopicArn: topic, PublishBatchRequestEntries: entries})
		if err != nil {
			t.Fatal(err)
		}
		if len(out.Successful) != len(want) || len(out.Failed) != 3-len(want) || *out.Failed[len(out.Failed)-1].Id != map[int]string{1: "a&b2", 2: "a&b1"}[every] {
			t.Errorf("every %d: %d successful, failed %+v", every, len(out.Successful), out.Failed)
		}
		if got := c.drain(t, queue); !slices.Equal(got, want) {
			t.Errorf("every %d: the queue holds %v, want %v", every, got, want)
		}
	}
}

// subscribed makes a topic whose raw messages go to a queue.
func (c cloud) subscribed(t *testing.T) (queue, topic *string) {
	t.Helper()
	queue = c.queue(t, "emails")
	made, err := c.sns.CreateTopic(t.Context(), &sns.CreateTopicInput{Name: sdk.String("orders")})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.sns.Subscribe(t.Context(), &sns.SubscribeInput{
		TopicArn: made.TopicArn, Protocol: sdk.String("sqs"), Endpoint: sdk.String("arn:aws:sqs:us-east-1:000000000000:emails"),
		Attributes: map[string]string{"RawMessageDelivery": "true"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return queue, made.TopicArn
}
