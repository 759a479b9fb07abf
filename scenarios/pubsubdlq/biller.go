package pubsubdlq

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/provingground/provingground/pkg/inbox"
	"github.com/provingground/provingground/pkg/pubsubconsumer"
)

// consumerName is whose claims are in the inbox.
const consumerName = "biller"

// errBlocked says that an earlier event of the key is not settled.
var errBlocked = errors.New("an earlier event of the account is not settled")

// biller charges accounts for what they used.
type biller struct {
	db      *pgxpool.Pool
	process string
	park    bool
}

// handle handles one message. Its errors say what is known of them: permanent, the
// database's absence, a turn that has not come, or nothing.
func (b *biller) handle(ctx context.Context, m pubsubconsumer.Message) (err error) {
	u, err := parse(m)
	if b.park {
		defer func() {
			p := recover()
			if p != nil || pubsubconsumer.AboutMessage(err) {
				err = b.parkKey(ctx, m, u, err)
			}
			if p != nil {
				panic(p)
			}
		}()
	}
	if err != nil {
		return err
	}
	amount, err := b.amount(ctx, u)
	if err != nil {
		return err
	}
	return database(pgx.BeginFunc(ctx, b.db, func(tx pgx.Tx) error { return b.charge(ctx, tx, m, u, amount) }))
}

// amount returns what usage costs, in millionths.
func (b *biller) amount(ctx context.Context, u usage) (int64, error) {
	var (
		price     *int64
		pack      int64
		partnerMS int
	)
	err := b.db.QueryRow(ctx, "SELECT price, pack, partner_ms FROM accounts WHERE id = $1", u.account).Scan(&price, &pack, &partnerMS)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, pubsubconsumer.Permanent(reasonUnknownAccount, fmt.Errorf("there is no account %.100q", u.account))
	}
	if err != nil {
		return 0, database(err)
	}
	if err := askPartner(ctx, time.Duration(partnerMS)*time.Millisecond); err != nil {
		return 0, err
	}
	if price == nil {
		return 0, fmt.Errorf("account %.100q has no price", u.account)
	}
	// A pack of no units is a mistake that nobody thought of when this was written.
	return u.units / pack * *price, nil
}

// askPartner stands in for a call to somebody else's service, which takes so long.
func askPartner(ctx context.Context, takes time.Duration) error {
	if takes == 0 {
		return nil
	}
	t := time.NewTimer(takes)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return fmt.Errorf("the partner has not answered: %w", ctx.Err())
	case <-t.C:
		return nil
	}
}

// charge is the effect: inbox row, charge, balance, and the letter that it settles.
func (b *biller) charge(ctx context.Context, tx pgx.Tx, m pubsubconsumer.Message, u usage, amount int64) error {
	first, err := seen().Claim(ctx, tx, consumerName, u.id)
	if err != nil {
		return err
	}
	if first {
		err = b.chargeFirst(ctx, tx, m, u, amount)
	} else {
		err = sameEvent(ctx, tx, u)
	}
	if err != nil || u.letter == "" {
		return err
	}
	return letters().Taken(ctx, tx, b.process, u.letter, u.redrive)
}

func (b *biller) chargeFirst(ctx context.Context, tx pgx.Tx, m pubsubconsumer.Message, u usage, amount int64) error {
	if b.park {
		if err := awaitTurn(ctx, tx, u); err != nil {
			return err
		}
	}
	var batch pgx.Batch
	batch.Queue("INSERT INTO charges (event, account, units, amount, message, deliveries, process, letter) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
		u.id, u.account, u.units, amount, m.ID, m.Deliveries, b.process, u.letter)
	batch.Queue("UPDATE accounts SET balance = balance + $2 WHERE id = $1", u.account, amount)
	return tx.SendBatch(ctx, &batch).Close()
}

// sameEvent tells a repetition from another event that claims the same id.
func sameEvent(ctx context.Context, tx pgx.Tx, u usage) error {
	var account string
	var units int64
	err := tx.QueryRow(ctx, "SELECT account, units FROM charges WHERE event = $1 LIMIT 1", u.id).Scan(&account, &units)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil // its charge was purged, its claim not yet
	}
	if err == nil && (account != u.account || units != u.units) {
		return pubsubconsumer.Permanent(reasonReused, fmt.Errorf("event %.40q was charged with other content", u.id))
	}
	return err
}

// database marks what an error of the database says about the message.
func database(err error) error {
	switch {
	case err == nil || !pubsubconsumer.AboutMessage(err) || errors.Is(err, errBlocked):
		return err
	case errors.Is(err, inbox.ErrBadID):
		return pubsubconsumer.Permanent(reasonMalformed, err)
	case conflicted(err):
		return pubsubconsumer.Later(err)
	case refused(err):
		return pubsubconsumer.Permanent(reasonRefused, err)
	case pubsubconsumer.IsPermanent(err), sqlState(err) != "" && !away(err):
		return err
	}
	return pubsubconsumer.Unavailable(err)
}
