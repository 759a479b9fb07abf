package checkout

import (
	"context"
	"crypto/sha256"
	_ "embed" // of the schema
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

//go:embed schema.sql
var schema string

// SchemaHash is the SHA-256 of the schema's file.
func SchemaHash() string {
	sum := sha256.Sum256([]byte(schema))
	return hex.EncodeToString(sum[:])
}

// OpenDatabase returns a pool of at most size connections for the user app. It does
// no I/O. Nothing is left in a session, so that a pooler may give the connection to
// somebody else after each transaction: no statement is prepared, no parameter set.
// Name is that of the application, for who looks from outside; a pooled client has none.
func OpenDatabase(ctx context.Context, url, name string, size int32) (*pgxpool.Pool, error) {
	cfg, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, errors.New("the database's address must be a PostgreSQL URL, such as postgres://user@127.0.0.1:5432/shop")
	}
	cfg.MaxConns = size
	cfg.ConnConfig.User = "app"
	cfg.ConnConfig.ConnectTimeout = time.Second
	if name != "" {
		cfg.ConnConfig.RuntimeParams["application_name"] = name
	}
	cfg.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeExec
	cfg.ConnConfig.StatementCacheCapacity, cfg.ConnConfig.DescriptionCacheCapacity = 0, 0
	cfg.ConnConfig.AfterNetConnect = leaveUncancelled
	return pgxpool.NewWithConfig(ctx, cfg)
}

// connections is what a small RDS class takes of the application (a limit of its
// user: the same refusal, 53300, without a server of its own for each scenario).
const connections = 45

// Prepare makes the shop's schema where it is missing, and the user app. It is the
// migration of a deployment, and goes past the pooler.
func Prepare(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return fmt.Errorf("prepare the database: %w", err)
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, `BEGIN;
SELECT pg_advisory_xact_lock(hashtext('checkout schema'));
CREATE SCHEMA IF NOT EXISTS checkout;
SET LOCAL search_path = checkout;
`+schema+`
DO $$ BEGIN
	IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'app') THEN
		CREATE ROLE app LOGIN;
	END IF;
END $$;
ALTER ROLE app CONNECTION LIMIT `+fmt.Sprint(connections)+`;
-- What a pooled client may not say itself, the server says for it.
ALTER ROLE app SET statement_timeout = '3s';
ALTER ROLE app SET idle_in_transaction_session_timeout = '10s';
GRANT USAGE ON SCHEMA checkout TO app;
GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA checkout TO app;
COMMIT`)
	if err != nil {
		return fmt.Errorf("prepare the database: %w", err)
	}
	return nil
}
