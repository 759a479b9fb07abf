package servicebusdlq

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/data/aztables"

	"github.com/provingground/provingground/pkg/tablebatch"
)

// effects are what became of the payments, where it happened.
type effects struct {
	charges  map[string][]charge // by payment: raw, so that a second one shows
	balances map[string]balance  // by account
	letters  map[string][]letter // by payment
}

// charge is a row of the ledger.
type charge struct {
	account  string
	cents    int64
	position int64
	at       time.Time
}

// balance is what is booked of an account.
type balance struct{ payments, cents int64 }

// look reads the ledger and what the quarantine keeps.
func (d *Driver) look(ctx context.Context) (*effects, error) {
	e, err := d.booked(ctx, "payments")
	if err != nil {
		return nil, err
	}
	all, err := d.letters(ctx)
	if err != nil {
		return nil, err
	}
	for _, l := range all {
		e.letters[l.Payment] = append(e.letters[l.Payment], l)
	}
	return e, nil
}

// booked reads charges and balances of a table.
func (d *Driver) booked(ctx context.Context, name string) (*effects, error) {
	table, err := tablebatch.Open(d.setup.Env()["TABLES_CONNECTION_STRING"], name)
	if err != nil {
		return nil, err
	}
	e := &effects{charges: map[string][]charge{}, balances: map[string]balance{}, letters: map[string][]letter{}}
	err = tablebatch.Each(ctx, table, "RowKey ge 'balance' and RowKey lt 'charge.'", func(row aztables.EDMEntity) bool {
		account := strings.TrimPrefix(row.PartitionKey, "account-")
		switch {
		case row.RowKey == "balance":
			e.balances[account] = balance{tablebatch.Number(row, "Payments"), tablebatch.Number(row, "Cents")}
		case strings.HasPrefix(row.RowKey, "charge-"):
			id := tablebatch.Text(row, "Payment")
			e.charges[id] = append(e.charges[id], charge{account, tablebatch.Number(row, "Cents"), tablebatch.Number(row, "Position"), time.Time(row.Timestamp)})
		}
		return true
	})
	if err != nil {
		return nil, fmt.Errorf("look for effects: %w", err)
	}
	return e, nil
}
