package servicebusdlq

import (
	"context"
	"errors"
	"fmt"

	"github.com/Azure/azure-sdk-for-go/sdk/data/aztables"

	"github.com/provingground/provingground/pkg/tablebatch"
)

const (
	rates   = "rates" // a partition
	home    = "EUR"
	maxRate = 1_000_000
)

var errNoRate = errors.New("there is no rate")

// rate is how many cents a hundred of the currency's are worth. A currency that
// nobody has set a rate of is an error that says nothing for good.
func (l ledger) rate(ctx context.Context, currency string) (int64, error) {
	if currency == home {
		return 100, nil
	}
	ctx, cancel := context.WithTimeout(ctx, applyTimeout)
	defer cancel()
	row, err := tablebatch.Get(ctx, l.table, rates, currency)
	if errors.Is(err, tablebatch.ErrNotThere) {
		return 0, fmt.Errorf("%w of %s", errNoRate, currency)
	}
	return tablebatch.Number(row, "Rate"), err
}

func (l ledger) setRate(ctx context.Context, currency string, rate int64) error {
	row, err := tablebatch.Row(aztables.TransactionTypeInsertReplace, rates, currency, "", map[string]any{"Rate": aztables.EDMInt64(rate)})
	if err != nil {
		return err
	}
	_, err = tablebatch.Submit(ctx, l.table, []aztables.TransactionAction{row})
	return err
}
