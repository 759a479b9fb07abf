package servicebusdlq

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/data/aztables"

	"github.com/provingground/provingground/pkg/tablebatch"
)

// An account is a partition. Its rows are, for each payment, one that remembers its
// id and one with the charge. What the account has paid is the sum of its charges: a
// row with the sum would have to be read before each payment, and those of one account
// would meet there.
const (
	rowSeen   = "seen-"
	rowCharge = "charge-"
)

const applyTimeout = 3 * time.Second

// partition keeps accounts apart from rates.
func partition(account string) string { return "account-" + account }

// ledger books payments in Table storage.
type ledger struct{ table *aztables.Client }

var errReused = errors.New("the id was used with another content")

// apply books a payment: in one transaction of one partition the row that remembers
// it and the charge. It reports whether it had not been booked before.
//
// Without an answer nobody knows whether it happened: applying it again tells.
func (l ledger) apply(ctx context.Context, p payment, amount int64) (fresh bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, applyTimeout)
	defer cancel()
	fresh, err = l.book(ctx, p, amount)
	if err != nil {
		return false, fmt.Errorf("payment %.40q of %s: %w", p.id, p.account, err)
	}
	return fresh, nil
}

func (l ledger) book(ctx context.Context, p payment, amount int64) (fresh bool, err error) {
	seen, err := tablebatch.Row(aztables.TransactionTypeAdd, partition(p.account), rowSeen+digest(p.id), "", map[string]any{"Content": p.content})
	if err != nil {
		return false, err
	}
	charge, err := chargeRow(rowCharge+digest(p.id), p, amount)
	if err != nil {
		return false, err
	}
	_, err = tablebatch.Submit(ctx, l.table, []aztables.TransactionAction{seen, charge})
	if tablebatch.Exists(err) {
		return false, l.repeated(ctx, p)
	}
	return err == nil, err
}

// chargeRow adds a charge under that key.
func chargeRow(key string, p payment, amount int64) (aztables.TransactionAction, error) {
	return tablebatch.Row(aztables.TransactionTypeAdd, partition(p.account), key, "", map[string]any{
		"Payment": p.id, "Cents": aztables.EDMInt64(amount), "Letter": p.letter,
	})
}

// repeated returns nil if this very payment was booked, and errReused if its id was
// used for another content.
func (l ledger) repeated(ctx context.Context, p payment) error {
	content, err := l.seen(ctx, p.account, p.id)
	if err == nil && content != p.content {
		return errReused
	}
	return err
}

// seen returns the fingerprint of what was booked under an id; empty for nothing.
func (l ledger) seen(ctx context.Context, account, id string) (content string, err error) {
	row, err := tablebatch.Get(ctx, l.table, partition(account), rowSeen+digest(id))
	if errors.Is(err, tablebatch.ErrNotThere) {
		return "", nil
	}
	return tablebatch.Text(row, "Content"), err
}

// paid counts and adds up an account's charges.
func (l ledger) paid(ctx context.Context, account string) (payments, cents int64, err error) {
	filter := fmt.Sprintf("PartitionKey eq '%s' and RowKey ge '%s' and RowKey lt 'charge.'", partition(account), rowCharge)
	err = tablebatch.Each(ctx, l.table, filter, func(row aztables.EDMEntity) bool {
		payments++
		cents += tablebatch.Number(row, "Cents")
		return true
	})
	return payments, cents, err
}
