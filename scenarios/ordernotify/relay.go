package ordernotify

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/provingground/provingground/pkg/outbox"
	"github.com/provingground/provingground/pkg/traces"
)

// relay publishes what both outboxes hold. Two processes run it at once; each
// row is locked by one of them.
type relay struct {
	db      *pgxpool.Pool
	topic   *topic
	traces  *traces.Provider
	metrics *metrics
	log     *slog.Logger
}

// run relays until ctx ends and the batches under way are done.
func (r *relay) run(ctx context.Context) {
	var all sync.WaitGroup
	for _, table := range []outbox.Table{orderEvents(), inventoryEvents()} {
		all.Go(func() { r.from(table).Run(ctx) })
		all.Go(func() { every(ctx, time.Second, func() { r.measure(ctx, table) }) })
	}
	all.Go(func() {
		every(ctx, time.Minute, func() {
			if err := purge(ctx, r.db); err != nil {
				r.log.Warn("purge", "error", err)
			}
		})
	})
	all.Wait()
}

func (r *relay) from(table outbox.Table) *outbox.Relay {
	return &outbox.Relay{
		Pool: r.db, Table: table, Batch: 100,
		Idle:    100 * time.Millisecond, // fuller batches cost the topic and the queues fewer calls
		Publish: r.publish,
		OnError: func(err error) { r.log.Warn("relay backs off", "outbox", table.Name, "error", err) },
	}
}

func (r *relay) publish(ctx context.Context, batch []outbox.Message) ([]error, error) {
	var failed []error
	err := r.traces.Send(ctx, traces.Channel{System: "aws.sns", Name: r.topic.name()}, func(ctx context.Context) (err error) {
		failed, err = r.topic.publish(ctx, batch)
		return err
	}, attributesOf(batch)...)
	bad := 0
	for _, f := range failed {
		if f != nil {
			bad++
		}
	}
	if err != nil {
		bad = len(batch)
	}
	r.metrics.published.WithLabelValues("failed").Add(float64(bad))
	r.metrics.published.WithLabelValues("published").Add(float64(len(batch) - bad))
	return failed, err
}

func attributesOf(batch []outbox.Message) []map[string]string {
	all := make([]map[string]string, len(batch))
	for i, m := range batch {
		all[i] = m.Attributes
	}
	return all
}

// measure tells how much waits: what an alert should watch.
func (r *relay) measure(ctx context.Context, table outbox.Table) {
	rows, oldest, err := table.Backlog(ctx, r.db)
	if err != nil {
		return // the gauges keep their last value; the relay itself reports errors
	}
	r.metrics.backlog.WithLabelValues(table.Name).Set(float64(rows))
	r.metrics.oldest.WithLabelValues(table.Name).Set(oldest.Seconds())
}

// every calls do again and again until ctx ends.
func every(ctx context.Context, pause time.Duration, do func()) {
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			do()
		}
	}
}
