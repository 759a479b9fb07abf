package urlshortener

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/redis/go-redis/v9"

	"github.com/provingground/provingground/loadtest/judge"
	"github.com/provingground/provingground/loadtest/trial"
)

// effects looks into the table: how many live links lead to each target that
// this run asked for, or that nobody did.
func (d *Driver) effects(ctx context.Context) (map[string]int, error) {
	env := d.setup.Env()
	client := dynamodb.New(dynamodb.Options{
		Region:       env["AWS_REGION"],
		BaseEndpoint: aws.String(env["AWS_ENDPOINT_URL_DYNAMODB"]),
		Credentials:  credentials.NewStaticCredentialsProvider(env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"], ""),
	})
	pages := dynamodb.NewScanPaginator(client, &dynamodb.ScanInput{
		TableName:                 aws.String(env["LINKS_TABLE"]),
		ConsistentRead:            aws.Bool(true),
		FilterExpression:          aws.String("attribute_exists(#target) AND (attribute_not_exists(#expires) OR #expires > :now)"),
		ProjectionExpression:      aws.String("#target"),
		ExpressionAttributeNames:  map[string]string{"#target": "target", "#expires": "expires"},
		ExpressionAttributeValues: map[string]types.AttributeValue{":now": &types.AttributeValueMemberN{Value: strconv.FormatInt(time.Now().UnixMilli(), 10)}},
	})
	found := make(map[string]int)
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("look for links in the table: %w", err)
		}
		for _, item := range page.Items {
			target := item["target"].(*types.AttributeValueMemberS).Value
			if strings.HasPrefix(target, "https://example.com/"+d.run+"/") {
				found[target]++
			} else if !strings.HasPrefix(target, "https://example.com/") {
				found[target]++ // not of any load test
			}
		}
	}
	return found, nil
}

// clickCount is what became of the clicks on the seeded links.
type clickCount struct {
	sent, counted, lost, doubled int64
}

// countClicks compares the counters with the redirects that were answered. It
// waits until they stand still: the processes flush twice a second.
func (d *Driver) countClicks(ctx context.Context) (clickCount, error) {
	options, err := redis.ParseURL(d.setup.Env()["REDIS_URL"])
	if err != nil {
		return clickCount{}, err
	}
	client := redis.NewClient(options)
	defer client.Close()
	var last clickCount
	for {
		now, err := d.readClicks(ctx, client)
		if err != nil {
			return clickCount{}, err
		}
		if now == last {
			return now, nil
		}
		last = now
		if !sleep(ctx, 2*time.Second) {
			return clickCount{}, ctx.Err()
		}
	}
}

func (d *Driver) readClicks(ctx context.Context, client *redis.Client) (clickCount, error) {
	var c clickCount
	for first := 0; first < len(d.links); first += importBatch {
		part := d.links[first:min(first+importBatch, len(d.links))]
		keys := make([]string, len(part))
		for i := range part {
			keys[i] = "urlshortener:clicks:" + part[i].code
		}
		values, err := client.MGet(ctx, keys...).Result()
		if err != nil {
			return clickCount{}, fmt.Errorf("read click counters: %w", err)
		}
		for i, v := range values {
			var n int64
			if s, ok := v.(string); ok {
				if n, err = strconv.ParseInt(s, 10, 64); err != nil {
					return clickCount{}, fmt.Errorf("click counter of %s: %w", part[i].code, err)
				}
			}
			sent := part[i].clicks.Load()
			c.sent += sent
			c.counted += n
			c.lost += max(0, sent-n)
			c.doubled += max(0, n-sent)
		}
	}
	return c, nil
}

// disturbance is what a run went through that may cost clicks.
type disturbance struct {
	kills          int   // api processes killed without notice
	unsureBatches  int64 // flushes with an unknown outcome, from the processes' own counters
	droppedCounted int64 // clicks that the processes say they dropped
}

func disturbanceOf(o trial.Observed) disturbance {
	return disturbance{
		kills:          o.Kills,
		unsureBatches:  int64(o.End["urlshortener_click_batches_unsure_total"]),
		droppedCounted: int64(o.End["urlshortener_clicks_dropped_total"]),
	}
}

// Judge compares what the run was told with what happened. It waits for the
// follow-ups first.
func (d *Driver) Judge(ctx context.Context, o trial.Observed) ([]judge.Check, error) {
	if err := d.follow.settled(ctx); err != nil {
		return nil, err
	}
	effects, err := d.effects(ctx)
	if err != nil {
		return nil, err
	}
	clicks, err := d.countClicks(ctx)
	if err != nil {
		return nil, err
	}
	unannounced := int(o.End["urlshortener_deletions_unannounced_total"])
	return []judge.Check{
		judge.Ledger(&d.ledger, effects, "links", o.Drill),
		d.judgeFollowUps(unannounced), d.judgeInTime(unannounced),
		d.judgeAliases(),
		d.judgeClicks(clicks, disturbanceOf(o)),
	}, nil
}

// judgeFollowUps allows a deletion to come late, within a minute, for each one
// that a process says it could not announce.
func (d *Driver) judgeFollowUps(unannounced int) judge.Check {
	checked, _, late, wrong := d.follow.report()
	switch {
	case wrong != "":
		return judge.Checkf("visibility", false, "%s", wrong)
	case late > unannounced:
		c := judge.Checkf("visibility", false, "%d links were deleted and served by some process more than %v later, and %d deletions could not be announced", late, slowWithin, unannounced)
		if d.setup.Drill == "redis-down" { // what was announced may be lost with Redis: then a minute is the guarantee
			return c.Timed()
		}
		return c
	}
	return judge.Checkf("visibility", checked > 0, "%d creations, deletions and expiries were seen by every process, %d deletions of which nobody could be told within %v",
		checked, late, lostWithin)
}

// judgeInTime wants the deletions that were announced to be seen within a second.
func (d *Driver) judgeInTime(unannounced int) judge.Check {
	_, slow, _, _ := d.follow.report()
	return judge.Checkf("in time", slow <= unannounced, "%d deletions were seen by some process later than %v, and %d could not be announced", slow, visibleWithin, unannounced).Timed()
}

func (d *Driver) judgeAliases() judge.Check {
	d.mu.Lock()
	defer d.mu.Unlock()
	for alias, n := range d.aliases {
		if n > 1 {
			return judge.Checkf("aliases", false, "alias %s was given to %d owners at a time", alias, n)
		}
	}
	return judge.Checkf("aliases", true, "%d aliases were each given to one of two claimants", len(d.aliases))
}

// judgeClicks holds the counters to their bound: a second of clicks for each
// killed process, a batch doubled for each flush with an unknown outcome.
func (d *Driver) judgeClicks(c clickCount, dist disturbance) judge.Check {
	perProcess := int64(d.setup.Rate) / int64(len(d.hosts))
	mayLose := int64(dist.kills)*perProcess + dist.droppedCounted
	mayDouble := dist.unsureBatches*perProcess + d.uncertainReads.Load()
	return judge.Checkf("clicks", c.lost <= mayLose && c.doubled <= mayDouble,
		"%d redirects were counted as %d clicks: %d lost (bound %d), %d too many (bound %d)", c.sent, c.counted, c.lost, mayLose, c.doubled, mayDouble)
}
