package ordernotify

import (
	"context"
	_ "embed" // of the schema
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/provingground/provingground/pkg/idempotency/idempotencypg"
	"github.com/provingground/provingground/pkg/outbox"
)

//go:embed schema.sql
var schema string

// The tables that packages bring. inventory has an outbox of its own, as it
// would in a database of its own.
func orderEvents() outbox.Table     { return outbox.Table{Name: "order_events"} }
func inventoryEvents() outbox.Table { return outbox.Table{Name: "inventory_events"} }

// records outlive the clients' retries and the four days that queues retain.
func records() idempotencypg.Table {
	return idempotencypg.Table{Name: "idempotency_keys", Keep: 5 * 24 * time.Hour}
}

// OpenDatabase returns a pool of at most size connections. It does no I/O. Every
// wait is bounded: that for a connection, a statement, and for a process that
// stands still inside a transaction and holds its locks.
func OpenDatabase(ctx context.Context, url, role string, size int32) (*pgxpool.Pool, error) {
	cfg, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, errors.New("DATABASE_URL must be a PostgreSQL URL, such as postgres://user@127.0.0.1:5432/shop")
	}
	cfg.MaxConns = size
	cfg.ConnConfig.ConnectTimeout = 2 * time.Second
	params := cfg.ConnConfig.RuntimeParams
	params["application_name"] = "ordernotify-" + role
	params["search_path"] = "ordernotify"
	params["statement_timeout"] = "5s"
	params["idle_in_transaction_session_timeout"] = "10s"
	return pgxpool.NewWithConfig(ctx, cfg)
}

// prepare applies the schema; processes that start together do so in turn.
func prepare(ctx context.Context, db *pgxpool.Pool) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	err := pgx.BeginFunc(ctx, db, func(tx pgx.Tx) error {
		statements := "SELECT pg_advisory_xact_lock(hashtext('ordernotify schema'));CREATE SCHEMA IF NOT EXISTS ordernotify;" +
			schema + orderEvents().DDL() + inventoryEvents().DDL() + records().DDL()
		_, err := tx.Exec(ctx, statements, pgx.QueryExecModeSimpleProtocol)
		return err
	})
	if err != nil {
		return fmt.Errorf("apply the schema: %w", err)
	}
	return nil
}

// away tells that PostgreSQL did not answer, from an answer that is an error. A
// server that shuts down or recovers says so with class 57.
func away(err error) bool {
	code := sqlState(err)
	return err != nil && (code == "" || code[:2] == "57" || code[:2] == "53" || code[:2] == "08" || code[:2] == "25")
}

func sqlState(err error) string {
	var refused interface{ SQLState() string }
	if errors.As(err, &refused) && len(refused.SQLState()) == 5 {
		return refused.SQLState()
	}
	return ""
}

// purge removes what is old, a bounded part at a time.
func purge(ctx context.Context, db *pgxpool.Pool) error {
	const part = 1000
	for _, events := range []outbox.Table{orderEvents(), inventoryEvents()} {
		if _, err := events.Purge(ctx, db, 7*24*time.Hour, part); err != nil {
			return err
		}
	}
	_, err := records().Purge(ctx, db, part)
	return err
}
