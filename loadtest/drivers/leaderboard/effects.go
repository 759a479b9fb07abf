package leaderboard

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// standing is a player on the board, as the table or an answer has it.
type standing struct {
	Rank     int64  `json:"rank"`
	Player   string `json:"player"`
	Name     string `json:"name"`
	Score    int64  `json:"score"`
	Stale    bool   `json:"stale"`
	sequence int64
}

type page struct {
	Stale   bool       `json:"stale"`
	Entries []standing `json:"entries"`
}

func (d *Driver) store() *dynamodb.Client {
	env := d.setup.Env()
	return dynamodb.New(dynamodb.Options{
		Region:       env["AWS_REGION"],
		BaseEndpoint: aws.String(env["AWS_ENDPOINT_URL_DYNAMODB"]),
		Credentials:  credentials.NewStaticCredentialsProvider(env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"], ""),
	})
}

// board reads the whole table, past the service, and ranks it: the best first,
// of equal ones the one that was accepted first.
func (d *Driver) board(ctx context.Context) ([]standing, error) {
	const buckets = 256
	client := d.store()
	var (
		mu   sync.Mutex
		all  []standing
		errs = make([]error, 4)
		work sync.WaitGroup
	)
	for w := range errs {
		work.Go(func() {
			for b := w; b < buckets && errs[w] == nil; b += len(errs) {
				var some []standing
				some, errs[w] = readBucket(ctx, client, d.setup.Env()["PLAYERS_TABLE"], b)
				mu.Lock()
				all = append(all, some...)
				mu.Unlock()
			}
		})
	}
	work.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	slices.SortFunc(all, func(a, b standing) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.sequence, b.sequence))
	})
	for i := range all {
		all[i].Rank = int64(i) + 1
	}
	return all, nil
}

func readBucket(ctx context.Context, client *dynamodb.Client, table string, bucket int) ([]standing, error) {
	pages := dynamodb.NewQueryPaginator(client, &dynamodb.QueryInput{
		TableName: &table, ConsistentRead: aws.Bool(true),
		KeyConditionExpression:    aws.String("#b = :b"),
		ExpressionAttributeNames:  map[string]string{"#b": "bucket"},
		ExpressionAttributeValues: map[string]types.AttributeValue{":b": &types.AttributeValueMemberN{Value: strconv.Itoa(bucket)}},
	})
	var all []standing
	for pages.HasMorePages() {
		p, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("look at players in the table: %w", err)
		}
		for _, item := range p.Items {
			s := standing{Player: item["player"].(*types.AttributeValueMemberS).Value, Name: item["name"].(*types.AttributeValueMemberS).Value}
			var errScore, errSequence error
			s.Score, errScore = strconv.ParseInt(item["score"].(*types.AttributeValueMemberN).Value, 10, 64)
			s.sequence, errSequence = strconv.ParseInt(item["sequence"].(*types.AttributeValueMemberN).Value, 10, 64)
			if err := cmp.Or(errScore, errSequence); err != nil {
				return nil, fmt.Errorf("player %s in the table: %w", s.Player, err)
			}
			all = append(all, s)
		}
	}
	return all, nil
}

// receipts counts the submissions that the keys' table remembers, by key. Those
// that nobody sent keep the name they have there.
func (d *Driver) receipts(ctx context.Context) (map[string]int, error) {
	names := make(map[string]string)
	for _, key := range d.ledger.Keys() {
		sum := sha256.Sum256([]byte(key))
		names["idempotency#"+hex.EncodeToString(sum[:])] = key
	}
	pages := dynamodb.NewScanPaginator(d.store(), &dynamodb.ScanInput{
		TableName: aws.String(d.setup.Env()["KEYS_TABLE"]), ConsistentRead: aws.Bool(true),
		ProjectionExpression: aws.String("#id"), ExpressionAttributeNames: map[string]string{"#id": "id"},
	})
	found := make(map[string]int)
	for pages.HasMorePages() {
		p, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("look at keys in the table: %w", err)
		}
		for _, item := range p.Items {
			id := item["id"].(*types.AttributeValueMemberS).Value
			if id == "sequence" {
				continue
			}
			if key, ok := names[id]; ok {
				id = key
			}
			found[id]++
		}
	}
	return found, nil
}

// awaitView waits until every process serves fresh pages up to a sequence.
func (d *Driver) awaitView(ctx context.Context, sequence int64) error {
	for _, url := range d.api.urls {
		for {
			var p page
			through, err := get(ctx, url+"/api/pages/1", &p)
			if err == nil && through >= sequence && !p.Stale {
				break
			}
			if !sleep(ctx, 100*time.Millisecond) {
				return fmt.Errorf("%s serves sequence %d (stale %v) and not %d: %w", url, through, p.Stale, sequence, cmp.Or(err, ctx.Err()))
			}
		}
	}
	return nil
}

// get reads an answer of the API and the sequence that it is complete up to.
func get(ctx context.Context, url string, into any) (sequence int64, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return 0, err
	}
	if resp.StatusCode != http.StatusOK {
		return 0, fmt.Errorf("GET %s: %s: %.200s", url, resp.Status, strings.TrimSpace(string(raw)))
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return 0, fmt.Errorf("GET %s: %w", url, err)
	}
	return strconv.ParseInt(resp.Header.Get("Leaderboard-Sequence"), 10, 64)
}
