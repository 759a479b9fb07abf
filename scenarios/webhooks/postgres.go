package webhooks

import (
	"context"
	_ "embed" // of the schema
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

//go:embed schema.sql
var schema string

// OpenDatabase returns a pool of at most size connections. It does no I/O. Every
// wait is bounded: that for a connection, a statement, a lock, and for a process
// that stands still inside a transaction.
func OpenDatabase(ctx context.Context, url, role string, size int32) (*pgxpool.Pool, error) {
	cfg, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, errors.New("DATABASE_URL must be a PostgreSQL URL, such as postgres://user@127.0.0.1:5432/shop")
	}
	cfg.MaxConns = size
	cfg.ConnConfig.ConnectTimeout = 2 * time.Second
	params := cfg.ConnConfig.RuntimeParams
	params["application_name"] = "webhooks-" + role
	params["search_path"] = "webhooks"
	params["statement_timeout"] = "2s"
	params["idle_in_transaction_session_timeout"] = "10s"
	return pgxpool.NewWithConfig(ctx, cfg)
}

// prepare applies the schema and sees to the partitions; processes that start
// together do so in turn.
func prepare(ctx context.Context, db *pgxpool.Pool, now time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	err := pgx.BeginFunc(ctx, db, func(tx pgx.Tx) error {
		statements := "SELECT pg_advisory_xact_lock(hashtext('webhooks schema')); CREATE SCHEMA IF NOT EXISTS webhooks;" + schema
		_, err := tx.Exec(ctx, statements, pgx.QueryExecModeSimpleProtocol)
		return err
	})
	if err != nil {
		return fmt.Errorf("apply the schema: %w", err)
	}
	return partition(ctx, db, now)
}

// fits reports, as an error, that all instances together could open more
// connections than the server has: then the last ones would find none.
func fits(ctx context.Context, db *pgxpool.Pool, instances int, pool int32) error {
	var most int
	if err := db.QueryRow(ctx, "SELECT current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int").Scan(&most); err != nil {
		return fmt.Errorf("count the connections: %w", err)
	}
	if wanted := instances * int(pool); wanted > most {
		return fmt.Errorf("%w: %d instances with %d connections each are %d, and PostgreSQL has %d: lower MAX_INSTANCES or DB_POOL",
			errConnections, instances, pool, wanted, most)
	}
	return nil
}

var errConnections = errors.New("too many connections")
