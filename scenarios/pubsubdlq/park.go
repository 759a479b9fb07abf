package pubsubdlq

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/provingground/provingground/pkg/deadletters"
	"github.com/provingground/provingground/pkg/pubsubconsumer"
)

const parkTimeout = 2 * time.Second

// letterID is the identity that the message will have if it dies.
func letterID(m pubsubconsumer.Message, u usage) string {
	if u.letter != "" {
		return u.letter
	}
	event := u.id
	if event == "" {
		event = m.ID
	}
	return deadletters.ID(event, m.Data)
}

// parkKey holds the key of an event that failed: what comes behind it waits, and
// dies behind it if it dies. It returns the error it was given, or that the database
// is away.
func (b *biller) parkKey(ctx context.Context, m pubsubconsumer.Message, u usage, failed error) error {
	if u.account == "" {
		return failed // no key: nothing comes behind it
	}
	// The handler's time may be over.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), parkTimeout)
	defer cancel()
	event := u.id
	if event == "" {
		event = m.ID
	}
	err := pgx.BeginFunc(ctx, b.db, func(tx pgx.Tx) error {
		if err := lockKey(ctx, tx, u.account); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, "INSERT INTO parked (key, event, letter) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING", u.account, event, letterID(m, u))
		return err
	})
	if err != nil {
		return pubsubconsumer.Unavailable(fmt.Errorf("park %.100q: %w", u.account, err))
	}
	return failed
}

// lockKey makes transactions of one key take turns: one that parks it is seen by
// those that would pass.
func lockKey(ctx context.Context, tx pgx.Tx, key string) error {
	_, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock(hashtext('pubsubdlq key'), hashtext($1))", key)
	return err
}

// awaitTurn lets an event pass if no unsettled one of its key is before it. Behind
// one that is dead it dies, too; behind one that is tried again it comes later.
func awaitTurn(ctx context.Context, tx pgx.Tx, u usage) error {
	if err := lockKey(ctx, tx, u.account); err != nil {
		return err
	}
	var event, state string
	err := tx.QueryRow(ctx, `
SELECT p.event, coalesce(d.state, '') FROM parked p LEFT JOIN dead_letters d ON d.id = p.letter
WHERE p.key = $1 AND d.settled_at IS NULL ORDER BY p.n LIMIT 1`, u.account).Scan(&event, &state)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return nil
	case err != nil:
		return err
	case event == u.id:
		_, err := tx.Exec(ctx, "DELETE FROM parked WHERE key = $1 AND event = $2", u.account, u.id)
		return err
	case state == string(deadletters.Open):
		return pubsubconsumer.Permanent(reasonParked, fmt.Errorf("%w: %.40q", errBlocked, event))
	}
	return pubsubconsumer.Later(fmt.Errorf("%w: %.40q", errBlocked, event))
}
