package deadletters_test

import (
	"context"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/provingground/provingground/pkg/deadletters"
)

// The life of a letter, from the queue's dead-letter topic to its effect.
func Example() {
	run := func(ctx context.Context, db *pgxpool.Pool, publish func(context.Context, []deadletters.Letter) error) error {
		dead := deadletters.Table{Name: "dead_letters"}
		if _, err := db.Exec(ctx, dead.DDL()); err != nil {
			return err
		}
		body := []byte(`{"order":17}`)
		if _, err := dead.Add(ctx, db, deadletters.Letter{
			ID: deadletters.ID("order-17", body), Event: "order-17", Reason: "no-price", Body: body,
		}); err != nil {
			return err // acknowledge the message after this only
		}
		// Somebody has set the price.
		if _, err := dead.Redrive(ctx, db, "prices-of-june", "ada", deadletters.Selection{Reason: "no-price"}); err != nil {
			return err
		}
		_, err := dead.Step(ctx, db, publish) // again and again; the consumer calls Taken
		return err
	}
	_ = run
	// Output:
}
