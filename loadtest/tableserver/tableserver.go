// Package tableserver measures what a table server does with nobody else on it, so
// that a service's figure can stand beside that of what it writes to.
package tableserver

import (
	"context"
	"errors"
	"fmt"

	"github.com/Azure/azure-sdk-for-go/sdk/data/aztables"

	"github.com/provingground/provingground/loadtest/trial"
	"github.com/provingground/provingground/pkg/tablebatch"
)

const (
	callers  = 16
	bodySize = 150 // bytes, as those of the services are
)

// Ceiling returns how many transactions of three new rows a second the table server
// takes, each in a partition of its own, from 16 callers, for 3 s. It makes a table
// and removes it.
func Ceiling(ctx context.Context, connection string) (perSecond float64, err error) {
	table, err := tablebatch.Open(connection, "ceiling")
	if err != nil {
		return 0, err
	}
	if err := tablebatch.Prepare(ctx, table); err != nil {
		return 0, fmt.Errorf("measure the table server: %w", err)
	}
	perSecond, err = trial.Ceiling(callers, func(caller, n int) (int, error) {
		return 1, submit(ctx, table, fmt.Sprintf("p%d-%d", caller, n))
	})
	_, deleted := table.Delete(ctx, nil)
	return perSecond, errors.Join(err, deleted)
}

func submit(ctx context.Context, table *aztables.Client, partition string) error {
	var rows []aztables.TransactionAction
	for _, key := range []string{"seen-x", "effect-x", "status"} {
		row, err := tablebatch.Row(aztables.TransactionTypeAdd, partition, key, "", map[string]any{
			"Content": "0123456789abcdef0123456789abcdef", "Body": aztables.EDMBinary(make([]byte, bodySize)), "Count": aztables.EDMInt64(1),
		})
		if err != nil {
			return err
		}
		rows = append(rows, row)
	}
	_, err := tablebatch.Submit(ctx, table, rows)
	return err
}
