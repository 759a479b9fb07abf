package leaderboard

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"
)

const (
	streamEvery   = 250 * time.Millisecond
	streamTimeout = 2 * time.Second
	shardsEvery   = 10 * time.Second // new shards appear every few hours
	maxRecords    = 1000             // of one call; the service's limit
)

// stream reads the changes of the players' table and applies them to the view.
// Whatever the direct way lost comes this way: it is late, never wrong.
//
// Shards are read side by side, parents and children alike, because the order
// in which improvements are applied does not matter.
type stream struct {
	tables  *dynamodb.Client
	client  *dynamodbstreams.Client
	table   string
	view    *view
	metrics *metrics

	arn       string
	iterators map[string]*string // of the open shards
	listed    time.Time
}

func newStream(tables *dynamodb.Client, client *dynamodbstreams.Client, table string, v *view, m *metrics) *stream {
	return &stream{tables: tables, client: client, table: table, view: v, metrics: m}
}

// open takes a position in every shard: the checkpoint that lies beside the
// view, else the end. What came before an end is for a rebuild to find: it
// begins after open, and a view without a checkpoint is missed by its numbers.
func (s *stream) open(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, streamTimeout)
	defer cancel()
	out, err := s.tables.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: &s.table})
	if err != nil {
		return fmt.Errorf("find the stream of %s: %w", s.table, err)
	}
	s.arn = aws.ToString(out.Table.LatestStreamArn)
	if s.arn == "" {
		return fmt.Errorf("table %s has no stream", s.table)
	}
	s.iterators = make(map[string]*string)
	positions, err := s.view.checkpoints(ctx)
	if err != nil {
		return err
	}
	shards, err := s.shards(ctx)
	if err != nil {
		return err
	}
	for _, shard := range shards {
		if err := s.position(ctx, shard, positions[shard]); err != nil {
			return err
		}
		delete(positions, shard)
	}
	var gone []string
	for shard := range positions {
		gone = append(gone, shard)
	}
	return s.view.forgetCheckpoints(ctx, gone...)
}

// position opens a shard after a checkpoint. One that was trimmed away, after a
// day without a keeper, leaves a gap in the numbers, and that causes a rebuild.
func (s *stream) position(ctx context.Context, shard, checkpoint string) error {
	if checkpoint == "" {
		return s.iterate(ctx, shard, types.ShardIteratorTypeLatest, "")
	}
	err := s.iterate(ctx, shard, types.ShardIteratorTypeAfterSequenceNumber, checkpoint)
	var trimmed *types.TrimmedDataAccessException
	if errors.As(err, &trimmed) {
		return s.iterate(ctx, shard, types.ShardIteratorTypeLatest, "")
	}
	return err
}

func (s *stream) iterate(ctx context.Context, shard string, kind types.ShardIteratorType, after string) error {
	in := &dynamodbstreams.GetShardIteratorInput{StreamArn: &s.arn, ShardId: &shard, ShardIteratorType: kind}
	if after != "" {
		in.SequenceNumber = &after
	}
	out, err := s.client.GetShardIterator(ctx, in)
	if err != nil {
		return fmt.Errorf("open shard %s: %w", shard, err)
	}
	s.iterators[shard] = out.ShardIterator
	return nil
}

// shards lists the shards of the stream, closed ones among them.
func (s *stream) shards(ctx context.Context) ([]string, error) {
	var all []string
	in := &dynamodbstreams.DescribeStreamInput{StreamArn: &s.arn}
	for {
		out, err := s.client.DescribeStream(ctx, in)
		if err != nil {
			return nil, fmt.Errorf("list the shards of the stream: %w", err)
		}
		for _, shard := range out.StreamDescription.Shards {
			all = append(all, aws.ToString(shard.ShardId))
		}
		if in.ExclusiveStartShardId = out.StreamDescription.LastEvaluatedShardId; in.ExclusiveStartShardId == nil {
			s.listed = time.Now()
			return all, nil
		}
	}
}

// run follows the stream until ctx ends or a position is lost.
func (s *stream) run(ctx context.Context) error {
	for {
		if err := s.poll(ctx); err != nil {
			return err
		}
		if !sleep(ctx, streamEvery) {
			return nil
		}
	}
}

func (s *stream) poll(ctx context.Context) error {
	if time.Since(s.listed) > shardsEvery {
		if err := s.discover(ctx); err != nil {
			return err
		}
	}
	for shard := range s.iterators {
		if err := s.drain(ctx, shard); err != nil {
			return err
		}
	}
	return nil
}

// discover opens shards that appeared since the last look, from their beginning.
func (s *stream) discover(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, streamTimeout)
	defer cancel()
	shards, err := s.shards(ctx)
	if err != nil {
		return err
	}
	for _, shard := range shards {
		if _, known := s.iterators[shard]; known {
			continue
		}
		if err := s.iterate(ctx, shard, types.ShardIteratorTypeTrimHorizon, ""); err != nil {
			return err
		}
	}
	return nil
}

// drain applies what a shard has. A closed shard stays known, without an iterator.
func (s *stream) drain(ctx context.Context, shard string) error {
	for s.iterators[shard] != nil {
		n, err := s.advance(ctx, shard)
		if err != nil {
			return err
		}
		if n < maxRecords {
			return nil
		}
	}
	return nil
}

// advance applies one call's records, and only then moves on.
func (s *stream) advance(ctx context.Context, shard string) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, streamTimeout)
	defer cancel()
	out, err := s.client.GetRecords(ctx, &dynamodbstreams.GetRecordsInput{ShardIterator: s.iterators[shard], Limit: aws.Int32(maxRecords)})
	if err != nil {
		return 0, fmt.Errorf("read shard %s: %w", shard, err)
	}
	if len(out.Records) > 0 {
		if err := s.apply(ctx, shard, out.Records); err != nil {
			return 0, err
		}
	}
	s.iterators[shard] = out.NextShardIterator
	return len(out.Records), nil
}

func (s *stream) apply(ctx context.Context, shard string, records []types.Record) error {
	improvements := make([]Improvement, 0, len(records))
	newest := int64(0)
	last := ""
	for _, record := range records {
		last = aws.ToString(record.Dynamodb.SequenceNumber)
		imp, err := decodeImage(record.Dynamodb.NewImage)
		if err != nil {
			s.metrics.malformed.Inc() // a poisoned record must not stop the others
			continue
		}
		newest = max(newest, imp.Sequence)
		improvements = append(improvements, imp)
	}
	moved, err := s.view.put(ctx, improvements, newest, "")
	if err != nil {
		return err
	}
	s.metrics.repaired.Add(float64(moved))
	return s.view.checkpoint(ctx, shard, last)
}

// decodeImage reads a player from a record. Nothing removes players, so a
// record without a new image is as malformed as half of one.
func decodeImage(image map[string]types.AttributeValue) (Improvement, error) {
	str := func(name string) string {
		if v, ok := image[name].(*types.AttributeValueMemberS); ok {
			return v.Value
		}
		return ""
	}
	num := func(name string) (int64, error) {
		v, ok := image[name].(*types.AttributeValueMemberN)
		if !ok {
			return 0, errors.New("a number is missing")
		}
		return strconv.ParseInt(v.Value, 10, 64)
	}
	score, errScore := num("score")
	sequence, errSequence := num("sequence")
	imp := Improvement{Player: str("player"), Name: str("name"), Score: score, Sequence: sequence}
	return imp, errors.Join(errScore, errSequence, ValidPlayer(imp.Player), ValidScore(score))
}
