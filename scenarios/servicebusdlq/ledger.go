package servicebusdlq

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/data/aztables"

	"github.com/provingground/provingground/pkg/tablebatch"
)

// An account is a partition. Its rows are, for each payment, one that remembers its
// id and one with the charge; and one with the balance.
const (
	rowSeen    = "seen-"
	rowCharge  = "charge-"
	rowBalance = "balance"
)

const (
	applyTimeout = 3 * time.Second
	maxTries     = 5 // of a transaction that meets others
)

// partition keeps accounts apart from rates.
func partition(account string) string { return "account-" + account }

// ledger books payments in Table storage.
type ledger struct{ table *aztables.Client }

var (
	errReused  = errors.New("the id was used with another content")
	errContend = errors.New("others write the same account")
)

// apply books a payment: in one transaction of one partition the row that remembers
// it, the charge and the balance. It reports whether it had not been booked before.
//
// Without an answer nobody knows whether it happened: applying it again tells.
func (l ledger) apply(ctx context.Context, p payment, amount int64) (fresh bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, applyTimeout)
	defer cancel()
	for range maxTries {
		fresh, err = l.try(ctx, p, amount)
		if !errors.Is(err, errContend) {
			break
		}
	}
	if err != nil {
		return false, fmt.Errorf("payment %.40q of %s: %w", p.id, p.account, err)
	}
	return fresh, nil
}

func (l ledger) try(ctx context.Context, p payment, amount int64) (fresh bool, err error) {
	payments, cents, etag, err := l.balance(ctx, p.account)
	if err != nil {
		return false, err
	}
	updating := aztables.TransactionTypeAdd
	if etag != "" {
		updating = aztables.TransactionTypeUpdateReplace
	}
	seen, err := tablebatch.Row(aztables.TransactionTypeAdd, partition(p.account), rowSeen+digest(p.id), "", map[string]any{"Content": p.content})
	if err != nil {
		return false, err
	}
	charge, err := chargeRow(rowCharge+digest(p.id), p, amount, payments+1)
	if err != nil {
		return false, err
	}
	balance, err := tablebatch.Row(updating, partition(p.account), rowBalance, etag, map[string]any{
		"Payments": aztables.EDMInt64(payments + 1), "Cents": aztables.EDMInt64(cents + amount),
	})
	if err != nil {
		return false, err
	}
	_, err = tablebatch.Submit(ctx, l.table, []aztables.TransactionAction{seen, charge, balance})
	switch {
	case tablebatch.Exists(err):
		return false, l.repeated(ctx, p)
	case tablebatch.Stale(err):
		return false, errContend
	}
	return err == nil, err
}

// chargeRow adds a charge under that key. Position is its place among those of the
// account.
func chargeRow(key string, p payment, amount, position int64) (aztables.TransactionAction, error) {
	return tablebatch.Row(aztables.TransactionTypeAdd, partition(p.account), key, "", map[string]any{
		"Payment": p.id, "Cents": aztables.EDMInt64(amount), "Letter": p.letter, "Position": aztables.EDMInt64(position),
	})
}

// repeated returns nil if this very payment was booked, errReused if its id was used
// for another content, and errContend if neither.
func (l ledger) repeated(ctx context.Context, p payment) error {
	content, err := l.seen(ctx, p.account, p.id)
	switch {
	case err != nil:
		return err
	case content == "":
		return errContend // it was the balance that somebody else made
	case content != p.content:
		return errReused
	}
	return nil
}

// seen returns the fingerprint of what was booked under an id; empty for nothing.
func (l ledger) seen(ctx context.Context, account, id string) (content string, err error) {
	row, err := tablebatch.Get(ctx, l.table, partition(account), rowSeen+digest(id))
	if errors.Is(err, tablebatch.ErrNotThere) {
		return "", nil
	}
	return tablebatch.Text(row, "Content"), err
}

func (l ledger) balance(ctx context.Context, account string) (payments, cents int64, etag azcore.ETag, err error) {
	row, err := tablebatch.Get(ctx, l.table, partition(account), rowBalance)
	if errors.Is(err, tablebatch.ErrNotThere) {
		return 0, 0, "", nil
	}
	return tablebatch.Number(row, "Payments"), tablebatch.Number(row, "Cents"), azcore.ETag(row.ETag), err
}
