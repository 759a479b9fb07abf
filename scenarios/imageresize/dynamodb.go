package imageresize

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// records is the table with one item for each version that came to its end:
//
//	key, version ─ state, reason, detail, finished (ms), objects
type records struct {
	client *dynamodb.Client
	table  string
}

// item is the shape of a record. Unknown attributes are left alone, so that a next
// version may add some.
func itemKey(v Version) map[string]types.AttributeValue {
	return map[string]types.AttributeValue{"key": text(v.Key), "version": text(v.ID)}
}

func text(s string) *types.AttributeValueMemberS { return &types.AttributeValueMemberS{Value: s} }

func number(n int64) *types.AttributeValueMemberN {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(n, 10)}
}

// finish writes a record, and reports false if the version has one.
func (r *records) finish(ctx context.Context, rec Record) (first bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	_, err = r.client.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: &r.table, Item: item(rec),
		ConditionExpression: aws.String("attribute_not_exists(#k)"), ExpressionAttributeNames: map[string]string{"#k": "key"},
	})
	var refused *types.ConditionalCheckFailedException
	if errors.As(err, &refused) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("record %s version %s: %w", rec.Key, rec.ID, err)
	}
	return true, nil
}

func item(rec Record) map[string]types.AttributeValue {
	all := itemKey(rec.Version)
	all["state"] = text(string(rec.State))
	all["etag"] = text(rec.ETag)
	all["finished"] = number(rec.Finished.UnixMilli())
	if rec.State == Failed {
		all["reason"], all["detail"] = text(rec.Reason), text(shortened(rec.Detail))
		return all
	}
	var objects []types.AttributeValue
	for _, o := range rec.Objects {
		objects = append(objects, &types.AttributeValueMemberM{Value: map[string]types.AttributeValue{
			"name": text(o.Name), "key": text(o.Key), "type": text(o.ContentType),
			"width": number(int64(o.Width)), "height": number(int64(o.Height)), "bytes": number(int64(o.Bytes)),
		}})
	}
	all["objects"] = &types.AttributeValueMemberL{Value: objects}
	return all
}

func shortened(s string) string { return fmt.Sprintf("%.500s", s) }

// final reports whether a version has a record. A read that is behind says no, and
// costs a job whose record is refused.
func (r *records) final(ctx context.Context, v Version) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	out, err := r.client.GetItem(ctx, &dynamodb.GetItemInput{
		TableName: &r.table, Key: itemKey(v),
		ProjectionExpression: aws.String("#s"), ExpressionAttributeNames: map[string]string{"#s": "state"},
	})
	if err != nil {
		return false, fmt.Errorf("look for %s version %s: %w", v.Key, v.ID, err)
	}
	return len(out.Item) > 0, nil
}

// of returns the records of one key, by version.
func (r *records) of(ctx context.Context, key string) (map[string]Record, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	out, err := r.client.Query(ctx, &dynamodb.QueryInput{
		TableName: &r.table, ConsistentRead: aws.Bool(true), KeyConditionExpression: aws.String("#k = :k"),
		ExpressionAttributeNames: map[string]string{"#k": "key"}, ExpressionAttributeValues: map[string]types.AttributeValue{":k": text(key)},
	})
	if err != nil {
		return nil, fmt.Errorf("records of %s: %w", key, err)
	}
	found := make(map[string]Record, len(out.Items))
	for _, it := range out.Items {
		rec := decode(it)
		found[rec.ID] = rec
	}
	return found, nil
}

func decode(it map[string]types.AttributeValue) Record {
	rec := Record{
		Version: Version{Key: str(it["key"]), ID: str(it["version"]), ETag: str(it["etag"])},
		State:   State(str(it["state"])), Reason: str(it["reason"]), Detail: str(it["detail"]),
		Finished: time.UnixMilli(num(it["finished"])).UTC(),
	}
	list, _ := it["objects"].(*types.AttributeValueMemberL)
	if list == nil {
		return rec
	}
	for _, v := range list.Value {
		m, _ := v.(*types.AttributeValueMemberM)
		if m == nil {
			continue
		}
		rec.Objects = append(rec.Objects, Object{
			Name: str(m.Value["name"]), Key: str(m.Value["key"]), ContentType: str(m.Value["type"]),
			Width: int(num(m.Value["width"])), Height: int(num(m.Value["height"])), Bytes: int(num(m.Value["bytes"])),
		})
	}
	return rec
}

func str(v types.AttributeValue) string {
	s, _ := v.(*types.AttributeValueMemberS)
	if s == nil {
		return ""
	}
	return s.Value
}

func num(v types.AttributeValue) int64 {
	n, _ := v.(*types.AttributeValueMemberN)
	if n == nil {
		return 0
	}
	i, _ := strconv.ParseInt(n.Value, 10, 64) // DynamoDB holds numbers only
	return i
}

// missing returns which of the versions have no record. Read consistently: a
// record that was just written must not look lost.
func (r *records) missing(ctx context.Context, all []Version) ([]Version, error) {
	var missing []Version
	for len(all) > 0 {
		page := all[:min(len(all), 100)] // the most that BatchGetItem takes
		all = all[len(page):]
		known, err := r.known(ctx, page)
		if err != nil {
			return nil, err
		}
		for _, v := range page {
			if !known[Version{Key: v.Key, ID: v.ID}] {
				missing = append(missing, v)
			}
		}
	}
	return missing, nil
}

func (r *records) known(ctx context.Context, page []Version) (map[Version]bool, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	ask := types.KeysAndAttributes{
		ConsistentRead:           aws.Bool(true),
		ProjectionExpression:     aws.String("#k, #v"),
		ExpressionAttributeNames: map[string]string{"#k": "key", "#v": "version"},
	}
	for _, v := range page {
		ask.Keys = append(ask.Keys, itemKey(v))
	}
	known := map[Version]bool{}
	for len(ask.Keys) > 0 {
		out, err := r.client.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{RequestItems: map[string]types.KeysAndAttributes{r.table: ask}})
		if err != nil {
			return nil, fmt.Errorf("look for %d records: %w", len(ask.Keys), err)
		}
		for _, it := range out.Responses[r.table] {
			known[Version{Key: str(it["key"]), ID: str(it["version"])}] = true
		}
		ask.Keys = out.UnprocessedKeys[r.table].Keys
	}
	return known, nil
}

// there asks whether DynamoDB answers.
func (r *records) there(ctx context.Context) error {
	_, err := r.final(ctx, Version{Key: "-", ID: "-"})
	return err
}
