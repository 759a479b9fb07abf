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
	charges map[string][]charge // by payment: raw, so that a second one shows
	letters map[string][]letter // by payment
}

// charge is a row of the ledger.
type charge struct {
	account string
	cents   int64
	at      time.Time
}

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

// booked reads the charges of a table.
func (d *Driver) booked(ctx context.Context, name string) (*effects, error) {
	table, err := tablebatch.Open(d.setup.Env()["TABLES_CONNECTION_STRING"], name)
	if err != nil {
		return nil, err
	}
	e := &effects{charges: map[string][]charge{}, letters: map[string][]letter{}}
	err = tablebatch.Each(ctx, table, "RowKey ge 'charge-' and RowKey lt 'charge.'", func(row aztables.EDMEntity) bool {
		id := tablebatch.Text(row, "Payment")
		e.charges[id] = append(e.charges[id], charge{strings.TrimPrefix(row.PartitionKey, "account-"), tablebatch.Number(row, "Cents"), time.Time(row.Timestamp)})
		return true
	})
	if err != nil {
		return nil, fmt.Errorf("look for effects: %w", err)
	}
	return e, nil
}
