package urlshortener

import (
	"context"
	"fmt"
	"net/http"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/provingground/provingground/pkg/idempotency/idempotencytest"
)

func TestCreationIsIdempotent(t *testing.T) {
	c := newCluster(t)
	idempotencytest.Run(t, idempotencytest.Suite{
		URLs:        []string{c.public[0].URL, c.public[1].URL},
		Method:      http.MethodPost,
		Path:        "/api/links",
		ContentType: "application/json",
		Body:        `{"url":"https://example.com/a"}`,
		Other:       `{"url":"https://example.com/b"}`,
		Success:     http.StatusCreated,
		Effects:     c.links,
	})
}

// links counts the links in the table, past the service. The table of a test is
// one page.
func (c *cluster) links(ctx context.Context) (int, error) {
	out, err := c.db.Scan(ctx, &dynamodb.ScanInput{
		TableName:                 aws.String("links"),
		ConsistentRead:            aws.Bool(true),
		FilterExpression:          aws.String("begins_with(#name, :link)"),
		ExpressionAttributeNames:  attributes("name"),
		ExpressionAttributeValues: map[string]types.AttributeValue{":link": &types.AttributeValueMemberS{Value: "link#"}},
	})
	if err != nil {
		return 0, fmt.Errorf("scan links: %w", err)
	}
	if len(out.LastEvaluatedKey) > 0 {
		return 0, fmt.Errorf("the table has more than a page of links: %d so far", out.Count)
	}
	return int(out.Count), nil
}
