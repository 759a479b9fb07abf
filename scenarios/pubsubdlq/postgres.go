package pubsubdlq

import (
	"context"
	_ "embed" // of the schema
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/provingground/provingground/pkg/deadletters"
	"github.com/provingground/provingground/pkg/inbox"
)

//go:embed schema.sql
var schema string

// The tables that packages bring.
func seen() inbox.Table          { return inbox.Table{Name: "inbox"} }
func letters() deadletters.Table { return deadletters.Table{Name: "dead_letters"} }

// OpenDatabase returns a pool of at most size connections to a schema. It does no
// I/O. Every wait is bounded: that for a connection, a statement, and for a process
// that stands still inside a transaction and holds its locks.
func OpenDatabase(ctx context.Context, url, schemaName, role string, size int32) (*pgxpool.Pool, error) {
	cfg, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, errors.New("DATABASE_URL must be a PostgreSQL URL, such as postgres://user@127.0.0.1:5432/shop")
	}
	cfg.MaxConns = size
	cfg.ConnConfig.ConnectTimeout = 2 * time.Second
	params := cfg.ConnConfig.RuntimeParams
	params["application_name"] = schemaName + "-" + role
	params["search_path"] = schemaName
	params["statement_timeout"] = "5s"
	params["idle_in_transaction_session_timeout"] = "10s"
	return pgxpool.NewWithConfig(ctx, cfg)
}

// prepare applies the schema; processes that start together do so in turn.
func prepare(ctx context.Context, db *pgxpool.Pool) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	name := pgx.Identifier{db.Config().ConnConfig.RuntimeParams["search_path"]}.Sanitize()
	err := pgx.BeginFunc(ctx, db, func(tx pgx.Tx) error {
		statements := "SELECT pg_advisory_xact_lock(hashtext('pubsubdlq schema'));CREATE SCHEMA IF NOT EXISTS " + name + ";" +
			schema + seen().DDL() + letters().DDL()
		_, err := tx.Exec(ctx, statements, pgx.QueryExecModeSimpleProtocol)
		return err
	})
	if err != nil {
		return fmt.Errorf("apply the schema: %w", err)
	}
	return nil
}

// away tells that PostgreSQL did not answer, from an answer that is an error. A
// server that shuts down or recovers says so with class 57; one that is full with 53.
func away(err error) bool {
	code := sqlState(err)
	return err != nil && (code == "" || code[:2] == "57" || code[:2] == "53" || code[:2] == "08" || code[:2] == "25")
}

// refused tells an answer that the same values will always get: a constraint, or a
// value out of range.
func refused(err error) bool {
	code := sqlState(err)
	return code != "" && (code[:2] == "22" || code[:2] == "23")
}

// conflicted tells a deadlock or a serialization failure: the next try may pass.
func conflicted(err error) bool {
	code := sqlState(err)
	return code != "" && code[:2] == "40"
}

func sqlState(err error) string {
	var answer interface{ SQLState() string }
	if errors.As(err, &answer) && len(answer.SQLState()) == 5 {
		return answer.SQLState()
	}
	return ""
}

// Claims are kept longer than a message can wait: 7 days in the subscription, 31 as a
// dead letter, 31 in our tables.
const (
	keepClaims   = 90 * 24 * time.Hour
	keepLetters  = 62 * 24 * time.Hour
	keepFailures = 14 * 24 * time.Hour
)

// purge removes what is old, a bounded part at a time: more than arrives meanwhile.
func purge(ctx context.Context, db *pgxpool.Pool) error {
	const part = 10_000
	_, errClaims := seen().Purge(ctx, db, keepClaims, part)
	_, errLetters := letters().Purge(ctx, db, keepLetters, part)
	_, errFailures := db.Exec(ctx, "DELETE FROM failures WHERE message IN (SELECT message FROM failures WHERE failed_at < now() - make_interval(secs => $1) LIMIT $2)", keepFailures.Seconds(), part)
	// Before its letter is forgotten: a row without one is not settled.
	_, errParked := db.Exec(ctx, "DELETE FROM parked p USING dead_letters d WHERE d.id = p.letter AND d.settled_at IS NOT NULL")
	return errors.Join(errClaims, errLetters, errFailures, errParked)
}
