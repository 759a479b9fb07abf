package pubsubdlq

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/provingground/provingground/pkg/pubsubconsumer"
)

// failuresIn counts the failures of messages in the database of their effects:
// where it is away, nothing has failed.
func failuresIn(db *pgxpool.Pool) pubsubconsumer.Failures {
	return pubsubconsumer.Failures{
		Count: func(ctx context.Context, id string) (n int, err error) {
			err = db.QueryRow(ctx, "SELECT n FROM failures WHERE message = $1", id).Scan(&n)
			if errors.Is(err, pgx.ErrNoRows) {
				return 0, nil
			}
			return n, err
		},
		Add: func(ctx context.Context, id, reason string) (n int, err error) {
			err = db.QueryRow(ctx, `
INSERT INTO failures (message, n, reason) VALUES ($1, 1, $2)
ON CONFLICT (message) DO UPDATE SET n = failures.n + 1, reason = $2, failed_at = now() RETURNING n`, id, reason).Scan(&n)
			return n, err
		},
		Undo: func(ctx context.Context, id string) error {
			_, err := db.Exec(ctx, "UPDATE failures SET n = n - 1 WHERE message = $1 AND n > 0", id)
			return err
		},
	}
}
