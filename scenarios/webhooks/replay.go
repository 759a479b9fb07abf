package webhooks

import (
	"context"
	"errors"
	"fmt"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/provingground/provingground/pkg/pubsubproducer"
)

// replayBatch is how many events are read and published at a time.
const replayBatch = 500

// Replay publishes the events of an account that were applied at or after a time,
// from the inbox, in the order in which they were applied, and returns how many.
// For this service it changes nothing, because the inbox knows them: it is for a
// subscription that is new, or that lost what it made of them. It may be stopped
// and repeated.
func Replay(ctx context.Context, db *pgxpool.Pool, client *pubsub.Client, topic, provider, account string, from time.Time) (n int, err error) {
	p := newPublisher(client, topic, newMetrics())
	defer p.Stop()
	for after := int64(0); ; {
		events, last, err := replayable(ctx, db, provider, account, from, after)
		if err != nil || len(events) == 0 {
			return n, err
		}
		if err := publishAll(ctx, p, events); err != nil {
			return n, fmt.Errorf("replay %s/%s after %d events: %w", provider, account, n, err)
		}
		n, after = n+len(events), last
	}
}

func replayable(ctx context.Context, db *pgxpool.Pool, provider, account string, from time.Time, after int64) (events []Event, last int64, err error) {
	rows, err := db.Query(ctx, `
SELECT seq, body FROM inbox WHERE provider = $1 AND account = $2 AND seq > $3 AND applied_at >= $4 ORDER BY seq LIMIT $5`,
		provider, account, after, from, replayBatch)
	if err != nil {
		return nil, 0, fmt.Errorf("read the inbox: %w", err)
	}
	var body []byte
	_, err = pgx.ForEachRow(rows, []any{&last, &body}, func() error {
		e, err := parse(provider, body)
		events = append(events, e)
		body = nil
		return err
	})
	if err != nil {
		return nil, 0, fmt.Errorf("read the inbox: %w", err)
	}
	return events, last, nil
}

// publishAll hands all to the client before it waits, so that batches are full.
func publishAll(ctx context.Context, p *pubsubproducer.Topic, events []Event) error {
	var results []*pubsub.PublishResult
	for _, e := range events {
		results = append(results, p.Publisher.Publish(ctx, message(e)))
	}
	var failed []error
	for _, r := range results {
		_, err := r.Get(ctx)
		failed = append(failed, err)
	}
	return errors.Join(failed...)
}
