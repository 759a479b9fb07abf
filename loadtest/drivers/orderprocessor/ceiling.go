package orderprocessor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/data/aztables"

	"github.com/provingground/provingground/loadtest/trial"
)

const ceilingCallers = 16

// ceiling is what the table server does alone: transactions of three rows per
// second, each of a partition of its own, as an order takes one.
type ceiling struct{ batches float64 }

// measureCeiling writes as fast as it is taken, from this process, into a table
// that it removes.
func measureCeiling(ctx context.Context, env map[string]string) (c ceiling, err error) {
	service, err := openTables(env)
	if err != nil {
		return c, err
	}
	table := service.NewClient("ceiling")
	if _, err := table.CreateTable(ctx, nil); err != nil {
		return c, fmt.Errorf("measure the table server: %w", err)
	}
	c.batches, err = trial.Ceiling(ceilingCallers, func(caller, n int) (int, error) {
		return 1, probe(ctx, table, fmt.Sprintf("p%d-%d", caller, n))
	})
	_, deleted := table.Delete(ctx, nil)
	return c, errors.Join(err, deleted)
}

func probe(ctx context.Context, table *aztables.Client, partition string) error {
	var rows []aztables.TransactionAction
	for _, key := range []string{"seen-x", "order-x", "status"} {
		raw, err := json.Marshal(aztables.EDMEntity{
			Entity:     aztables.Entity{PartitionKey: partition, RowKey: key},
			Properties: map[string]any{"Content": "0123456789abcdef0123456789abcdef", "Body": aztables.EDMBinary(make([]byte, 150)), "Orders": aztables.EDMInt64(1)},
		})
		if err != nil {
			return err
		}
		rows = append(rows, aztables.TransactionAction{ActionType: aztables.TransactionTypeAdd, Entity: raw})
	}
	_, err := table.SubmitTransaction(ctx, rows, nil)
	return err
}

func openTables(env map[string]string) (*aztables.ServiceClient, error) {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = ceilingCallers
	return aztables.NewServiceClientFromConnectionString(env["TABLES_CONNECTION_STRING"], &aztables.ClientOptions{ClientOptions: azcore.ClientOptions{
		Retry: policy.RetryOptions{MaxRetries: -1}, Transport: &http.Client{Transport: transport}, Telemetry: policy.TelemetryOptions{Disabled: true},
	}})
}
