package checkout

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// Prepare makes the products, past the service: a shop has them.
func (d *Driver) Prepare(ctx context.Context, progress func(done, of int)) error {
	conn, err := pgx.Connect(ctx, d.setup.Env()["DATABASE_URL"])
	if err != nil {
		return fmt.Errorf("prepare products: %w", err)
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, "INSERT INTO checkout.products (id, price, stock) SELECT $1::text || i, 100 + i, $2::int FROM generate_series(0, $3::int - 1) AS i", "r"+d.run+"-", plentyStock, d.setup.Records)
	if err != nil {
		return fmt.Errorf("prepare products: %w", err)
	}
	progress(d.setup.Records, d.setup.Records)
	return nil
}
