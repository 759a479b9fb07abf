package tablebatch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/data/aztables"
)

var (
	// ErrConnection says that a connection string is none. It does not quote it: there
	// is a key in it.
	ErrConnection = errors.New("tablebatch: not a connection string of a storage account")
	// ErrNotThere says that there is no such row.
	ErrNotThere = errors.New("tablebatch: no such row")
)

// connections are kept to the server: a caller that has more at once makes new ones.
const connections = 64

// Open returns a client of a table. It does no I/O. The SDK does not try again:
// callers do.
func Open(connection, table string) (*aztables.Client, error) {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = connections
	service, err := aztables.NewServiceClientFromConnectionString(connection, &aztables.ClientOptions{ClientOptions: azcore.ClientOptions{
		Retry: policy.RetryOptions{MaxRetries: -1}, Transport: &http.Client{Transport: transport},
		Telemetry: policy.TelemetryOptions{Disabled: true},
	}})
	if err != nil {
		return nil, ErrConnection
	}
	return service.NewClient(table), nil
}

// Prepare makes the table unless it is there.
func Prepare(ctx context.Context, client *aztables.Client) error {
	_, err := client.CreateTable(ctx, nil)
	if refused, ok := errors.AsType[*azcore.ResponseError](err); ok && refused.ErrorCode == string(aztables.TableAlreadyExists) {
		return nil
	}
	return err
}

// Row is an operation on a row. With an ETag it asks for that version of the row; a
// row that is added has none.
func Row(do aztables.TransactionType, partition, key string, etag azcore.ETag, properties map[string]any) (aztables.TransactionAction, error) {
	raw, err := json.Marshal(aztables.EDMEntity{Entity: aztables.Entity{PartitionKey: partition, RowKey: key}, Properties: properties})
	if err != nil {
		return aztables.TransactionAction{}, fmt.Errorf("row %s: %w", key, err)
	}
	action := aztables.TransactionAction{ActionType: do, Entity: raw}
	if etag != "" {
		action.IfMatch = &etag
	}
	return action, nil
}

// Get reads a row, with its ETag, or returns ErrNotThere.
func Get(ctx context.Context, client *aztables.Client, partition, key string) (row aztables.EDMEntity, err error) {
	answer, err := client.GetEntity(ctx, partition, key, nil)
	if refused, ok := errors.AsType[*azcore.ResponseError](err); ok && refused.StatusCode == http.StatusNotFound && refused.ErrorCode != string(aztables.TableNotFound) {
		return row, ErrNotThere
	}
	if err != nil {
		return row, fmt.Errorf("tablebatch: read a row: %w", err)
	}
	if err := json.Unmarshal(answer.Value, &row); err != nil {
		return row, fmt.Errorf("tablebatch: read a row: %w", err)
	}
	row.ETag = string(answer.ETag)
	return row, nil
}

// Each calls do with the rows that filter selects, all without one, in the order of
// partition and key, until it returns false.
func Each(ctx context.Context, client *aztables.Client, filter string, do func(aztables.EDMEntity) bool) error {
	o := &aztables.ListEntitiesOptions{}
	if filter != "" {
		o.Filter = &filter
	}
	for pages := client.NewListEntitiesPager(o); pages.More(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return fmt.Errorf("tablebatch: read rows: %w", err)
		}
		for _, raw := range page.Entities {
			var row aztables.EDMEntity
			if err := json.Unmarshal(raw, &row); err != nil {
				return fmt.Errorf("tablebatch: read a row: %w", err)
			}
			if !do(row) {
				return nil
			}
		}
	}
	return nil
}

// Number is a whole number of a row, 0 if it has none of that name.
func Number(row aztables.EDMEntity, property string) int64 {
	n, _ := row.Properties[property].(aztables.EDMInt64)
	return int64(n)
}

// Text is a text of a row, empty if it has none of that name.
func Text(row aztables.EDMEntity, property string) string {
	s, _ := row.Properties[property].(string)
	return s
}

// Answered tells an answer about the content of a transaction, which no repetition
// changes, from storage that did not answer or cannot now.
func Answered(err error) bool {
	r, ok := errors.AsType[*Refused](err)
	return ok && (r.Status == http.StatusBadRequest || r.Status == http.StatusRequestEntityTooLarge)
}
