package outbox_test

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/provingground/provingground/pkg/outbox"
)

// The row commits with the order, and a relay takes it from there.
func Example() {
	events := outbox.Table{Name: "outbox"}

	place := func(ctx context.Context, pool *pgxpool.Pool, id string) error {
		return pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
			var b pgx.Batch
			b.Queue("INSERT INTO orders (id) VALUES ($1)", id)
			events.Queue(&b, outbox.Message{ID: id + "/placed", Kind: "order.placed", Key: id, Body: []byte(`{}`)})
			return tx.SendBatch(ctx, &b).Close()
		})
	}
	relay := func(ctx context.Context, pool *pgxpool.Pool) {
		r := &outbox.Relay{Pool: pool, Table: events, Publish: func(_ context.Context, batch []outbox.Message) ([]error, error) {
			for _, m := range batch {
				fmt.Println(m.Kind, m.Key)
			}
			return nil, nil
		}}
		r.Run(ctx) // until ctx ends
	}
	_, _ = place, relay
}
