package urlshortener

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/provingground/provingground/pkg/dynamoerr"
	"github.com/provingground/provingground/pkg/idempotency"
)

// grace is how long a link outlives its end in the table: longer than any
// retry of its creation or deletion, and than any shared cache entry.
const grace = 48 * time.Hour

// maxTransaction is DynamoDB's limit of items in one transaction.
const maxTransaction = 100

var errTaken = errors.New("name is in use")

// store is the truth: one item per name, one per idempotency key.
type store struct {
	client *dynamodb.Client
	table  string
	keys   idempotency.Table
}

func newStore(client *dynamodb.Client, table string) *store {
	return &store{
		client: client,
		table:  table,
		keys:   idempotency.Table{Client: client, Name: table, Hash: "name", TTL: "ttl", Keep: grace},
	}
}

// get reads one link, consistently. A name that was never used, or was
// forgotten, has version 0.
func (s *store) get(ctx context.Context, name string) (Link, error) {
	out, err := s.client.GetItem(ctx, &dynamodb.GetItemInput{
		TableName:      &s.table,
		Key:            itemKey(name),
		ConsistentRead: aws.Bool(true),
	})
	if err != nil {
		return Link{}, fmt.Errorf("read link: %w", notAttempted(err))
	}
	return decodeLink(name, out.Item)
}

// create writes the link and the record of its idempotency key in one
// transaction. old is what the name held before, nil for a fresh code.
func (s *store) create(ctx context.Context, link Link, old *Link, rec idempotency.Record, now time.Time) error {
	_, err := s.client.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{
		TransactItems: []types.TransactWriteItem{s.keys.Put(rec, now), s.put(link, old)},
	})
	switch {
	case err == nil:
		return nil
	case idempotency.Refused(err, 0):
		return idempotency.ErrExists
	case idempotency.Refused(err, 1):
		return errTaken
	case dynamoerr.Conflicted(err):
		return ErrBusy
	}
	return fmt.Errorf("write link: %w", notAttempted(err))
}

// put writes a link over exactly what its maker saw there: nothing, or an older life.
func (s *store) put(link Link, old *Link) types.TransactWriteItem {
	put := &types.Put{TableName: &s.table, Item: encodeLink(link), ExpressionAttributeNames: attributes("version")}
	put.ConditionExpression = aws.String("attribute_not_exists(#version)")
	if old != nil && old.Version > 0 {
		put.ConditionExpression = aws.String("#version = :seen AND #deleted = :deleted")
		put.ExpressionAttributeNames = attributes("version", "deleted")
		put.ExpressionAttributeValues = map[string]types.AttributeValue{
			":seen":    number(old.Version),
			":deleted": &types.AttributeValueMemberBOOL{Value: old.Deleted},
		}
	}
	return types.TransactWriteItem{Put: put}
}

// addAll writes up to maxTransaction new links, all or none. Links that the
// same token owns already are left as they are, so a repeated call changes nothing.
func (s *store) addAll(ctx context.Context, links []Link) error {
	items := make([]types.TransactWriteItem, len(links))
	for i, link := range links {
		items[i] = types.TransactWriteItem{Put: &types.Put{
			TableName:                 &s.table,
			Item:                      encodeLink(link),
			ConditionExpression:       aws.String("attribute_not_exists(#version) OR (#token = :token AND #version = :one)"),
			ExpressionAttributeNames:  attributes("version", "token"),
			ExpressionAttributeValues: map[string]types.AttributeValue{":token": binary(link.Token), ":one": number(1)},
		}}
	}
	_, err := s.client.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{TransactItems: items})
	var canceled *types.TransactionCanceledException
	if errors.As(err, &canceled) {
		return fmt.Errorf("%w: %s", errTaken, canceled.ErrorMessage())
	}
	if err != nil {
		return fmt.Errorf("write %d links: %w", len(links), notAttempted(err))
	}
	return nil
}

// delete leaves a tombstone without the target. Of two deletions at once the
// second finds the first one's work and agrees.
func (s *store) delete(ctx context.Context, link Link, now time.Time) (Link, error) {
	ended := link
	ended.Version++
	ended.Deleted = true
	_, err := s.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName:                &s.table,
		Key:                      itemKey(link.Code),
		UpdateExpression:         aws.String("SET #deleted = :true, #version = :next, #ttl = :ttl REMOVE #target"),
		ConditionExpression:      aws.String("#version = :seen"),
		ExpressionAttributeNames: attributes("deleted", "version", "ttl", "target"),
		ExpressionAttributeValues: map[string]types.AttributeValue{
			":true": &types.AttributeValueMemberBOOL{Value: true},
			":next": number(ended.Version),
			":seen": number(link.Version),
			":ttl":  number(now.Add(grace).Unix()),
		},
	})
	var changed *types.ConditionalCheckFailedException
	if errors.As(err, &changed) {
		current, err := s.get(ctx, link.Code)
		if err == nil && current.Deleted {
			return current, nil
		}
		return Link{}, ErrBusy
	}
	if err != nil {
		return Link{}, fmt.Errorf("delete link: %w", notAttempted(err))
	}
	return ended, nil
}

func itemKey(name string) map[string]types.AttributeValue {
	return map[string]types.AttributeValue{"name": &types.AttributeValueMemberS{Value: "link#" + name}}
}

func encodeLink(l Link) map[string]types.AttributeValue {
	item := itemKey(l.Code)
	item["target"] = &types.AttributeValueMemberS{Value: l.Target}
	item["created"] = number(l.Created.UnixMilli())
	item["version"] = number(l.Version)
	item["deleted"] = &types.AttributeValueMemberBOOL{Value: l.Deleted}
	item["token"] = binary(l.Token)
	if !l.Expires.IsZero() {
		item["expires"] = number(l.Expires.UnixMilli())
		item["ttl"] = number(l.Expires.Add(grace).Unix())
	}
	return item
}

// decodeLink refuses an item it cannot read instead of serving half of it.
func decodeLink(name string, item map[string]types.AttributeValue) (Link, error) {
	if len(item) == 0 {
		return Link{Code: name}, nil
	}
	created, errCreated := millis(item["created"])
	expires, errExpires := millis(item["expires"])
	version, errVersion := integer(item["version"])
	token, ok := item["token"].(*types.AttributeValueMemberB)
	if err := errors.Join(errCreated, errExpires, errVersion); err != nil || !ok || len(token.Value) != 32 {
		return Link{}, fmt.Errorf("link %q is malformed in the store: %w", name, err)
	}
	link := Link{Code: name, Created: created, Expires: expires, Version: version, Token: [32]byte(token.Value)}
	if deleted, ok := item["deleted"].(*types.AttributeValueMemberBOOL); ok {
		link.Deleted = deleted.Value
	}
	if target, ok := item["target"].(*types.AttributeValueMemberS); ok {
		link.Target = target.Value
	}
	return link, nil
}

// attributes names the attributes that an expression mentions. Some are
// reserved words on AWS, which an emulator may not mind.
func attributes(names ...string) map[string]string {
	m := make(map[string]string, len(names))
	for _, name := range names {
		m["#"+name] = name
	}
	return m
}

func number(n int64) *types.AttributeValueMemberN {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(n, 10)}
}

func binary(b [32]byte) *types.AttributeValueMemberB {
	return &types.AttributeValueMemberB{Value: b[:]}
}

func integer(v types.AttributeValue) (int64, error) {
	n, ok := v.(*types.AttributeValueMemberN)
	if !ok {
		return 0, nil
	}
	return strconv.ParseInt(n.Value, 10, 64)
}

func millis(v types.AttributeValue) (time.Time, error) {
	ms, err := integer(v)
	if err != nil || ms == 0 {
		return time.Time{}, err
	}
	return time.UnixMilli(ms), nil
}

// notAttempted marks the failures after which nothing has happened and nothing
// will. The rest, timeouts above all, stays unknown.
func notAttempted(err error) error {
	if dynamoerr.NotAttempted(err) {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return err
}
