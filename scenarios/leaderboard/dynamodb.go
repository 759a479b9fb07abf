package leaderboard

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/provingground/provingground/pkg/idempotency"
)

const (
	// keep is how long a repeated submission gets its first receipt.
	keep = 48 * time.Hour
	// counterID is the item that counts the improvements. It lives among the keys,
	// so that the stream and the table of the players hold players only.
	counterID = "sequence"
	// buckets are the partition keys of the players. A rebuild reads them one by
	// one: with a million players each is half a page. A scan would cost the same
	// on AWS, but the emulator sorts the whole table for every page of one.
	buckets = 256
)

// store is the truth: a table with one item per player, and one with the
// idempotency keys and the counter.
type store struct {
	client  *dynamodb.Client
	players string
	keys    idempotency.Table
}

func newStore(client *dynamodb.Client, players, keys string) *store {
	return &store{client: client, players: players, keys: idempotency.Table{Client: client, Name: keys, Hash: "id", TTL: "ttl", Keep: keep}}
}

// seen is what the store holds about a batch. Its items were read together, but
// not at one moment: the conditions of commit catch what changed in between.
type seen struct {
	counter int64
	players map[string]Improvement
	records map[string]idempotency.Record
}

// read looks up the counter, the players and the keys of a batch, consistently.
func (s *store) read(ctx context.Context, batch []*pending, now time.Time) (*seen, error) {
	players := make([]string, len(batch))
	keys := []map[string]types.AttributeValue{counterKey()}
	for i, p := range batch {
		players[i] = p.Player
		if p.Key != "" {
			keys = append(keys, s.keys.Key(p.Key))
		}
	}
	items, err := s.batchGet(ctx, map[string]types.KeysAndAttributes{
		s.players:   {Keys: playerKeys(players), ConsistentRead: aws.Bool(true)},
		s.keys.Name: {Keys: keys, ConsistentRead: aws.Bool(true)},
	})
	if err != nil {
		return nil, err
	}
	out := &seen{records: make(map[string]idempotency.Record)}
	if out.players, err = decodePlayers(items[s.players]); err != nil {
		return nil, err
	}
	byID := make(map[string]map[string]types.AttributeValue)
	for _, item := range items[s.keys.Name] {
		byID[text(item["id"])] = item
	}
	if out.counter, err = decodeCounter(byID[counterID]); err != nil {
		return nil, err
	}
	for _, p := range batch {
		if p.Key == "" {
			continue
		}
		if rec, ok := s.keys.Decode(p.Key, byID[text(s.keys.Key(p.Key)["id"])], now); ok {
			out.records[p.Key] = rec
		}
	}
	return out, nil
}

func (s *store) batchGet(ctx context.Context, ask map[string]types.KeysAndAttributes) (map[string][]map[string]types.AttributeValue, error) {
	items := make(map[string][]map[string]types.AttributeValue)
	for len(ask) > 0 {
		out, err := s.client.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{RequestItems: ask})
		if err != nil {
			return nil, fmt.Errorf("read batch: %w", err)
		}
		for table, some := range out.Responses {
			items[table] = append(items[table], some...)
		}
		if ask = out.UnprocessedKeys; len(ask) > 0 && !sleep(ctx, 20*time.Millisecond) {
			return nil, fmt.Errorf("read batch: %w", ctx.Err())
		}
	}
	return items, nil
}

// commit writes a plan as one transaction: all of it or nothing, and nothing
// unless counter, players and keys are as they were seen.
func (s *store) commit(ctx context.Context, p *plan, seen *seen, now time.Time) error {
	var items []types.TransactWriteItem
	if len(p.improvements) > 0 {
		items = append(items, s.count(seen.counter, p.counter))
	}
	for _, imp := range p.improvements {
		items = append(items, s.put(imp, seen.players[imp.Player].Sequence))
	}
	for _, rec := range p.records {
		items = append(items, s.keys.Put(rec, now))
	}
	if len(items) == 0 {
		return nil
	}
	// Whoever commits looks before it tries again, so the SDK must not.
	once := func(o *dynamodb.Options) { o.Retryer = aws.NopRetryer{} }
	if _, err := s.client.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{TransactItems: items}, once); err != nil {
		return fmt.Errorf("write %d items: %w", len(items), err)
	}
	return nil
}

// count moves the counter from what was seen. It is what orders the
// transactions of all processes.
func (s *store) count(from, to int64) types.TransactWriteItem {
	update := &types.Update{
		TableName:                 &s.keys.Name,
		Key:                       counterKey(),
		UpdateExpression:          aws.String("SET #last = :to"),
		ConditionExpression:       aws.String("#last = :from"),
		ExpressionAttributeNames:  map[string]string{"#last": "last"},
		ExpressionAttributeValues: map[string]types.AttributeValue{":from": number(from), ":to": number(to)},
	}
	if from == 0 {
		update.ConditionExpression = aws.String("attribute_not_exists(#last)")
		delete(update.ExpressionAttributeValues, ":from")
	}
	return types.TransactWriteItem{Update: update}
}

// put writes a player's new best over exactly the one that was seen. The counter
// alone would not do: it may have been read after the player.
func (s *store) put(imp Improvement, over int64) types.TransactWriteItem {
	put := &types.Put{
		TableName:                &s.players,
		Item:                     encodePlayer(imp),
		ConditionExpression:      aws.String("attribute_not_exists(#sequence)"),
		ExpressionAttributeNames: map[string]string{"#sequence": "sequence"},
	}
	if over > 0 {
		put.ConditionExpression = aws.String("#sequence = :over")
		put.ExpressionAttributeValues = map[string]types.AttributeValue{":over": number(over)}
	}
	return types.TransactWriteItem{Put: put}
}

// last returns the number of the newest improvement, consistently.
func (s *store) last(ctx context.Context) (int64, error) {
	out, err := s.client.GetItem(ctx, &dynamodb.GetItemInput{TableName: &s.keys.Name, Key: counterKey(), ConsistentRead: aws.Bool(true)})
	if err != nil {
		return 0, fmt.Errorf("read counter: %w", err)
	}
	return decodeCounter(out.Item)
}

// bucket calls each with the players of one bucket, page by page.
func (s *store) bucket(ctx context.Context, bucket int, each func([]Improvement) error) error {
	in := &dynamodb.QueryInput{
		TableName: &s.players, ConsistentRead: aws.Bool(true),
		KeyConditionExpression:    aws.String("#bucket = :bucket"),
		ExpressionAttributeNames:  map[string]string{"#bucket": "bucket"},
		ExpressionAttributeValues: map[string]types.AttributeValue{":bucket": number(int64(bucket))},
	}
	for {
		out, err := s.client.Query(ctx, in)
		if err != nil {
			return fmt.Errorf("read players of bucket %d: %w", bucket, err)
		}
		some := make([]Improvement, len(out.Items))
		for i, item := range out.Items {
			if some[i], err = decodePlayer(item); err != nil {
				return err
			}
		}
		if err := each(some); err != nil {
			return err
		}
		if in.ExclusiveStartKey = out.LastEvaluatedKey; len(in.ExclusiveStartKey) == 0 {
			return nil
		}
	}
}

func counterKey() map[string]types.AttributeValue {
	return map[string]types.AttributeValue{"id": &types.AttributeValueMemberS{Value: counterID}}
}

func decodeCounter(item map[string]types.AttributeValue) (int64, error) {
	if len(item) == 0 {
		return 0, nil
	}
	n, err := integer(item["last"])
	if err != nil {
		return 0, fmt.Errorf("the counter is malformed in the store: %w", err)
	}
	return n, nil
}

func playerKeys(players []string) []map[string]types.AttributeValue {
	keys := make([]map[string]types.AttributeValue, len(players))
	for i, player := range players {
		keys[i] = playerKey(player)
	}
	return keys
}

// playerKey spreads the players over the buckets evenly and for ever.
func playerKey(player string) map[string]types.AttributeValue {
	h := fnv.New32a()
	h.Write([]byte(player)) // never fails
	return map[string]types.AttributeValue{
		"bucket": number(int64(h.Sum32() % buckets)),
		"player": &types.AttributeValueMemberS{Value: player},
	}
}

func encodePlayer(imp Improvement) map[string]types.AttributeValue {
	item := playerKey(imp.Player)
	item["name"] = &types.AttributeValueMemberS{Value: imp.Name}
	item["score"] = number(imp.Score)
	item["sequence"] = number(imp.Sequence)
	return item
}

func decodePlayers(items []map[string]types.AttributeValue) (map[string]Improvement, error) {
	players := make(map[string]Improvement, len(items))
	for _, item := range items {
		imp, err := decodePlayer(item)
		if err != nil {
			return nil, err
		}
		players[imp.Player] = imp
	}
	return players, nil
}

// decodePlayer refuses an item it cannot read instead of ranking half of it.
func decodePlayer(item map[string]types.AttributeValue) (Improvement, error) {
	score, errScore := integer(item["score"])
	sequence, errSequence := integer(item["sequence"])
	imp := Improvement{Player: text(item["player"]), Name: text(item["name"]), Score: score, Sequence: sequence}
	if err := errors.Join(errScore, errSequence, ValidScore(score)); err != nil {
		return Improvement{}, fmt.Errorf("player %q is malformed in the store: %w", imp.Player, err)
	}
	return imp, nil
}

func number(n int64) *types.AttributeValueMemberN {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(n, 10)}
}

func integer(v types.AttributeValue) (int64, error) {
	n, ok := v.(*types.AttributeValueMemberN)
	if !ok {
		return 0, errors.New("a number is missing")
	}
	return strconv.ParseInt(n.Value, 10, 64)
}

func text(v types.AttributeValue) string {
	if s, ok := v.(*types.AttributeValueMemberS); ok {
		return s.Value
	}
	return ""
}
