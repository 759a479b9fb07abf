//go:build unix

package aws_test

import (
	"errors"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"

	"github.com/provingground/provingground/deploy/local/server/servertest"
	"github.com/provingground/provingground/loadtest/faults/proxy"
	"github.com/provingground/provingground/loadtest/faults/proxy/aws"
	"github.com/provingground/provingground/loadtest/faults/proxy/proxytest"
)

// config is how the SDK reaches an endpoint. Without a retryer it never tries
// again: a test wants to see what happened.
func config(addr string, retryer sdk.Retryer) sdk.Config {
	return sdk.Config{
		Region: "us-east-1", BaseEndpoint: sdk.String("http://" + addr),
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
		Retryer:     func() sdk.Retryer { return retryer },
		HTTPClient:  &proxytest.Calm{},
	}
}

// table is a DynamoDB table, a proxy before it, and a client of each.
type table struct {
	proxy           *proxy.Proxy
	through, direct *dynamodb.Client
}

func newTable(t *testing.T) table {
	t.Helper()
	addr := servertest.Start(t, "dynamodb").Get("dynamodb").Addr
	p := proxytest.Start(t, addr, aws.Protocol())
	tb := table{
		proxy:   p,
		through: dynamodb.NewFromConfig(config(p.Addr(), sdk.NopRetryer{})),
		direct:  dynamodb.NewFromConfig(config(addr, sdk.NopRetryer{})),
	}
	for _, name := range []string{"links", "other"} {
		_, err := tb.direct.CreateTable(t.Context(), &dynamodb.CreateTableInput{
			TableName:            sdk.String(name),
			BillingMode:          types.BillingModePayPerRequest,
			AttributeDefinitions: []types.AttributeDefinition{{AttributeName: sdk.String("id"), AttributeType: types.ScalarAttributeTypeS}},
			KeySchema:            []types.KeySchemaElement{{AttributeName: sdk.String("id"), KeyType: types.KeyTypeHash}},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return tb
}

func item(id string) map[string]types.AttributeValue {
	return map[string]types.AttributeValue{"id": &types.AttributeValueMemberS{Value: id}}
}

func (tb table) put(t *testing.T, c *dynamodb.Client, id string) error {
	t.Helper()
	_, err := c.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: sdk.String("links"), Item: item(id)})
	return err
}

func (tb table) want(t *testing.T, id string, there bool) {
	t.Helper()
	out, err := tb.direct.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: sdk.String("links"), Key: item(id), ConsistentRead: sdk.Bool(true)})
	if err != nil {
		t.Fatal(err)
	}
	if got := out.Item != nil; got != there {
		t.Errorf("item %s is there: %v, want %v", id, got, there)
	}
}

func TestALostAnswerLeavesTheItemAndAnError(t *testing.T) {
	tb := newTable(t)
	fault := proxytest.Inject(t, tb.proxy, proxy.Match{Operation: "PutItem links", Nth: 2}, proxy.LoseAnswer())
	for _, id := range []string{"1", "2", "3"} {
		if err := tb.put(t, tb.through, id); (err != nil) != (id == "2") {
			t.Errorf("item %s: %v; want an error for the second alone", id, err)
		}
		tb.want(t, id, true)
	}
	if fault.Hits() != 1 {
		t.Errorf("%d operations were hit", fault.Hits())
	}
	if got := tb.proxy.Counts()["PutItem links"]; got != (proxy.Count{Seen: 3, Forwarded: 3, Answered: 2, Faulted: 1}) {
		t.Errorf("counted %+v", got)
	}
}

func TestAResetLeavesNothing(t *testing.T) {
	tb := newTable(t)
	proxytest.Inject(t, tb.proxy, proxy.Match{Operation: "PutItem"}, proxy.Reset())
	if err := tb.put(t, tb.through, "1"); err == nil {
		t.Error("a call that was reset succeeded")
	}
	tb.want(t, "1", false)
}

func TestAFaultThatWasRemovedIsOver(t *testing.T) {
	tb := newTable(t)
	fault := proxytest.Inject(t, tb.proxy, proxy.Match{}, proxy.Reset())
	if err := tb.put(t, tb.through, "1"); err == nil {
		t.Error("a call that was reset succeeded")
	}
	fault.Remove()
	if err := tb.put(t, tb.through, "1"); err != nil {
		t.Error(err)
	}
}

func TestADuplicateIsExecutedTwice(t *testing.T) {
	tb := newTable(t)
	proxytest.Inject(t, tb.proxy, proxy.Match{Operation: "UpdateItem"}, proxy.Duplicate())
	out, err := tb.through.UpdateItem(t.Context(), &dynamodb.UpdateItemInput{
		TableName: sdk.String("links"), Key: item("1"), ReturnValues: types.ReturnValueAllNew,
		UpdateExpression:          sdk.String("ADD clicks :one"),
		ExpressionAttributeValues: map[string]types.AttributeValue{":one": &types.AttributeValueMemberN{Value: "1"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := out.Attributes["clicks"].(*types.AttributeValueMemberN).Value; got != "1" {
		t.Errorf("the answer says %s clicks, want the first answer: 1", got)
	}
	after, err := tb.direct.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: sdk.String("links"), Key: item("1")})
	if err != nil {
		t.Fatal(err)
	}
	if got := after.Item["clicks"].(*types.AttributeValueMemberN).Value; got != "2" {
		t.Errorf("the table says %s clicks, want 2", got)
	}
}

func TestAThrottledCallIsTriedAgainByTheSDK(t *testing.T) {
	tb := newTable(t)
	throttle := proxytest.Inject(t, tb.proxy, proxy.Match{Operation: "PutItem", Times: 1}, aws.Throttle())
	patient := dynamodb.NewFromConfig(config(tb.proxy.Addr(), patientRetryer()))
	if err := tb.put(t, patient, "1"); err != nil {
		t.Error(err)
	}
	tb.want(t, "1", true)
	if got := tb.proxy.Counts()["PutItem links"]; got != (proxy.Count{Seen: 2, Forwarded: 1, Answered: 2, Faulted: 1}) || throttle.Hits() != 1 {
		t.Errorf("counted %+v, hits %d", got, throttle.Hits())
	}
}

func TestAThrottledCallIsTheErrorOfTheService(t *testing.T) {
	tb := newTable(t)
	proxytest.Inject(t, tb.proxy, proxy.Match{}, aws.Throttle())
	err := tb.put(t, tb.through, "1")
	if typed := new(types.ProvisionedThroughputExceededException); !errors.As(err, &typed) {
		t.Errorf("PutItem ended with %v", err)
	}
	tb.want(t, "1", false)
}

func wantCode(t *testing.T, err error, code string) {
	t.Helper()
	var api smithy.APIError
	if !errors.As(err, &api) || api.ErrorCode() != code {
		t.Errorf("the call ended with %v, want %s", err, code)
	}
}

func TestOperationsAreNamedWithTheirTables(t *testing.T) {
	tb := newTable(t)
	write := func(name string) types.TransactWriteItem {
		return types.TransactWriteItem{Put: &types.Put{TableName: sdk.String(name), Item: map[string]types.AttributeValue{
			"id": &types.AttributeValueMemberS{Value: `","TableName":"quoted"`}, "TableName": &types.AttributeValueMemberS{Value: "x"},
		}}}
	}
	_, err := tb.through.TransactWriteItems(t.Context(), &dynamodb.TransactWriteItemsInput{TransactItems: []types.TransactWriteItem{write("links"), write("other")}})
	if err != nil {
		t.Fatal(err)
	}
	requests := []types.WriteRequest{{PutRequest: &types.PutRequest{Item: item("1")}}}
	_, err = tb.through.BatchWriteItem(t.Context(), &dynamodb.BatchWriteItemInput{RequestItems: map[string][]types.WriteRequest{"other": requests, "links": requests}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tb.through.Query(t.Context(), &dynamodb.QueryInput{
		TableName: sdk.String("links"), KeyConditionExpression: sdk.String("id = :id"),
		ExpressionAttributeValues: map[string]types.AttributeValue{":id": &types.AttributeValueMemberS{Value: "1"}},
	}); err != nil {
		t.Fatal(err)
	}
	wantOperations(t, tb.proxy, "TransactWriteItems links+other", "BatchWriteItem links+other", "Query links")
}
