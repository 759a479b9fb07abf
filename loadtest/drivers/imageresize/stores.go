package imageresize

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// stores is where effects happen: two buckets, a table and a queue.
type stores struct {
	s3    *s3.Client
	table *dynamodb.Client
	queue *sqs.Client
	env   map[string]string

	announced []s3types.QueueConfiguration // taken off by a drill
}

func newStores(env map[string]string) *stores {
	cfg := aws.Config{Region: env["AWS_REGION"], Credentials: credentials.NewStaticCredentialsProvider(env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"], "")}
	return &stores{
		env: env,
		s3: s3.NewFromConfig(cfg, func(o *s3.Options) {
			o.BaseEndpoint, o.UsePathStyle = aws.String(env["AWS_ENDPOINT_URL_S3"]), true
			o.ResponseChecksumValidation = aws.ResponseChecksumValidationWhenRequired
		}),
		table: dynamodb.NewFromConfig(cfg, func(o *dynamodb.Options) { o.BaseEndpoint = aws.String(env["AWS_ENDPOINT_URL_DYNAMODB"]) }),
		queue: sqs.NewFromConfig(cfg, func(o *sqs.Options) { o.BaseEndpoint = aws.String(env["AWS_ENDPOINT_URL_SQS"]) }),
	}
}

// source is one version in the uploads bucket.
type source struct{ key, version, etag string }

func (s *stores) sources(ctx context.Context) (all []source, err error) {
	pages := s3.NewListObjectVersionsPaginator(s.s3, &s3.ListObjectVersionsInput{Bucket: aws.String(s.env["UPLOADS_BUCKET"])})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("list uploads: %w", err)
		}
		for _, v := range page.Versions {
			all = append(all, source{aws.ToString(v.Key), aws.ToString(v.VersionId), strings.Trim(aws.ToString(v.ETag), `"`)})
		}
	}
	return all, nil
}

// objects returns the sizes in bytes of all renditions, by key.
func (s *stores) objects(ctx context.Context) (map[string]int64, error) {
	all := map[string]int64{}
	pages := s3.NewListObjectsV2Paginator(s.s3, &s3.ListObjectsV2Input{Bucket: aws.String(s.env["RENDITIONS_BUCKET"])})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("list renditions: %w", err)
		}
		for _, o := range page.Contents {
			all[aws.ToString(o.Key)] = aws.ToInt64(o.Size)
		}
	}
	return all, nil
}

// record is an item of the table.
type record struct {
	key, state, reason string
	finished           time.Time
	objects            string // those of the record, in one line, to see whether they change
	sizes              []size
}

// size is one of the three.
type size struct {
	name, key   string
	w, h, bytes int64
}

// records returns the table, by version.
func (s *stores) records(ctx context.Context) (map[string]record, error) {
	all := map[string]record{}
	pages := dynamodb.NewScanPaginator(s.table, &dynamodb.ScanInput{TableName: aws.String(s.env["RECORDS_TABLE"]), ConsistentRead: aws.Bool(true)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("read records: %w", err)
		}
		for _, it := range page.Items {
			all[str(it["version"])] = decode(it)
		}
	}
	return all, nil
}

func decode(it map[string]types.AttributeValue) record {
	r := record{key: str(it["key"]), state: str(it["state"]), reason: str(it["reason"]), finished: time.UnixMilli(num(it["finished"]))}
	list, _ := it["objects"].(*types.AttributeValueMemberL)
	if list == nil {
		return r
	}
	for _, v := range list.Value {
		if m, _ := v.(*types.AttributeValueMemberM); m != nil {
			r.sizes = append(r.sizes, size{str(m.Value["name"]), str(m.Value["key"]), num(m.Value["width"]), num(m.Value["height"]), num(m.Value["bytes"])})
		}
	}
	r.objects = fmt.Sprint(r.sizes)
	return r
}

func str(v types.AttributeValue) string {
	if s, _ := v.(*types.AttributeValueMemberS); s != nil {
		return s.Value
	}
	return ""
}

func num(v types.AttributeValue) int64 {
	if n, _ := v.(*types.AttributeValueMemberN); n != nil {
		i, _ := strconv.ParseInt(n.Value, 10, 64) // DynamoDB holds numbers only
		return i
	}
	return 0
}

// picture downloads and decodes a rendition.
func (s *stores) picture(ctx context.Context, key string) (image.Image, error) {
	out, err := s.s3.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String(s.env["RENDITIONS_BUCKET"]), Key: &key})
	if err != nil {
		return nil, err
	}
	defer out.Body.Close()
	var b bytes.Buffer
	if _, err := b.ReadFrom(out.Body); err != nil {
		return nil, err
	}
	img, _, err := image.Decode(&b)
	return img, err
}

// waiting counts the messages of a queue, those under way included.
func (s *stores) waiting(ctx context.Context, name string) (n int, err error) {
	url, err := s.queue.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: &name})
	if err != nil {
		return 0, fmt.Errorf("queue %s: %w", name, err)
	}
	names := []sqstypes.QueueAttributeName{sqstypes.QueueAttributeNameApproximateNumberOfMessages, sqstypes.QueueAttributeNameApproximateNumberOfMessagesNotVisible}
	out, err := s.queue.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: url.QueueUrl, AttributeNames: names})
	if err != nil {
		return 0, fmt.Errorf("queue %s: %w", name, err)
	}
	for _, attribute := range names {
		i, err := strconv.Atoi(out.Attributes[string(attribute)])
		if err != nil {
			return 0, fmt.Errorf("queue %s: %s: %w", name, attribute, err)
		}
		n += i
	}
	return n, nil
}
