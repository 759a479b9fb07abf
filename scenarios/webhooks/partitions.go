package webhooks

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	day = 24 * time.Hour
	// keep is one day more than is remembered: the day that has begun.
	keep = Remembered/day + 1
	// early is how many days have their partition before they begin.
	early = 3
)

// partition makes the inbox's partitions, from the oldest day that is remembered
// to a few days ahead, and drops those that are older. Dropping costs the same
// however many rows there were. It may run at any time, and any number at once.
func partition(ctx context.Context, db *pgxpool.Pool, now time.Time) error {
	today := now.UTC().Truncate(day)
	err := pgx.BeginFunc(ctx, db, func(tx pgx.Tx) error {
		var statements strings.Builder
		statements.WriteString("SELECT pg_advisory_xact_lock(hashtext('webhooks partitions'));")
		for d := today.Add(-keep * day); !d.After(today.Add(early * day)); d = d.Add(day) {
			fmt.Fprintf(&statements, "CREATE TABLE IF NOT EXISTS inbox_%s PARTITION OF inbox FOR VALUES FROM ('%s') TO ('%s');",
				d.Format("20060102"), d.Format(time.DateOnly), d.Add(day).Format(time.DateOnly))
		}
		if _, err := tx.Exec(ctx, statements.String(), pgx.QueryExecModeSimpleProtocol); err != nil {
			return err
		}
		return dropOld(ctx, tx, "inbox_"+today.Add(-keep*day).Format("20060102"))
	})
	if err != nil {
		return fmt.Errorf("partitions of the inbox: %w", err)
	}
	return nil
}

// dropOld drops the partitions before the first one that is kept.
func dropOld(ctx context.Context, tx pgx.Tx, first string) error {
	found, err := tx.Query(ctx, "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'inbox'::regclass")
	if err != nil {
		return err
	}
	all, err := pgx.CollectRows(found, pgx.RowTo[string])
	if err != nil {
		return err
	}
	for _, table := range all {
		// Names sort as their days.
		if table >= first {
			continue
		}
		if _, err := tx.Exec(ctx, "DROP TABLE "+pgx.Identifier{table}.Sanitize()); err != nil {
			return err
		}
	}
	return nil
}
