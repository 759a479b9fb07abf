package idempotency

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// A Record remembers what a key was used for.
type Record struct {
	Key         string // as the client sent it; stored as its SHA-256
	Fingerprint string // of the request that came first
	Answer      []byte // what to answer with again; at most a few kilobytes, no secrets
}

// Table keeps records in a DynamoDB table that has a string partition key and,
// for garbage collection, a TTL attribute.
type Table struct {
	Client *dynamodb.Client
	Name   string
	Hash   string        // name of the partition key attribute
	TTL    string        // name of the TTL attribute
	Keep   time.Duration // longer than clients retry and queues retain
}

// Put returns the item to add to the transaction that makes the effect. The
// transaction is refused when a record of the key is still kept.
func (t Table) Put(r Record, now time.Time) types.TransactWriteItem {
	return types.TransactWriteItem{Put: &types.Put{
		TableName: &t.Name,
		Item: map[string]types.AttributeValue{
			t.Hash:        t.hash(r.Key),
			"fingerprint": &types.AttributeValueMemberS{Value: r.Fingerprint},
			"answer":      &types.AttributeValueMemberB{Value: r.Answer},
			t.TTL:         seconds(now.Add(t.Keep)),
		},
		// The store collects expired items hours late, so they are compared here.
		ConditionExpression:       aws.String("attribute_not_exists(#hash) OR #ttl < :now"),
		ExpressionAttributeNames:  map[string]string{"#hash": t.Hash, "#ttl": t.TTL},
		ExpressionAttributeValues: map[string]types.AttributeValue{":now": seconds(now)},
	}}
}

// Refused reports whether item i of a transaction, the one made by Put, is the
// reason why err refused it.
func Refused(err error, i int) bool {
	var canceled *types.TransactionCanceledException
	return errors.As(err, &canceled) && i < len(canceled.CancellationReasons) &&
		aws.ToString(canceled.CancellationReasons[i].Code) == "ConditionalCheckFailed"
}

// Get returns the record of a key, by a consistent read.
func (t Table) Get(ctx context.Context, key string, now time.Time) (Record, bool, error) {
	out, err := t.Client.GetItem(ctx, &dynamodb.GetItemInput{
		TableName:      &t.Name,
		Key:            t.Key(key),
		ConsistentRead: aws.Bool(true),
	})
	if err != nil {
		return Record{}, false, fmt.Errorf("idempotency: read record: %w", err)
	}
	rec, found := t.Decode(key, out.Item, now)
	return rec, found, nil
}

// Key returns the key of a record's item, for a caller that reads several at once.
func (t Table) Key(key string) map[string]types.AttributeValue {
	return map[string]types.AttributeValue{t.Hash: t.hash(key)}
}

// Decode returns the record in an item that was read with Key, unless there is
// none or it has expired.
func (t Table) Decode(key string, item map[string]types.AttributeValue, now time.Time) (Record, bool) {
	fingerprint, ok := item["fingerprint"].(*types.AttributeValueMemberS)
	answer, okAnswer := item["answer"].(*types.AttributeValueMemberB)
	ttl, okTTL := item[t.TTL].(*types.AttributeValueMemberN)
	if !ok || !okAnswer || !okTTL || ttl.Value < seconds(now).Value {
		return Record{}, false
	}
	return Record{Key: key, Fingerprint: fingerprint.Value, Answer: answer.Value}, true
}

// hash keeps client input out of the key space of the caller's own items.
func (t Table) hash(key string) *types.AttributeValueMemberS {
	sum := sha256.Sum256([]byte(key))
	return &types.AttributeValueMemberS{Value: "idempotency#" + hex.EncodeToString(sum[:])}
}

// seconds have ten digits until the year 2286, so their strings compare like numbers.
func seconds(t time.Time) *types.AttributeValueMemberN {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(t.Unix(), 10)}
}
