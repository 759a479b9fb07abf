package orderprocessor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/data/aztables"

	"github.com/provingground/provingground/pkg/role"
	"github.com/provingground/provingground/pkg/tablebatch"
)

// A customer is a partition. Its rows are, for each order, one that remembers the
// idempotency key and one with the order; and one with the customer's status.
const (
	rowSeen   = "seen-"
	rowOrder  = "order-"
	rowStatus = "status"
)

const (
	applyTimeout = 3 * time.Second
	maxCached    = 10_000 // customers whose status one process remembers
	maxTries     = 5      // of a transaction that meets others
)

// OpenTable returns a client of the table that the connection string and the name
// say. It does no I/O. The SDK does not try again: callers do.
func OpenTable(connection, name string) (*aztables.Client, error) {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = 64
	service, err := aztables.NewServiceClientFromConnectionString(connection, &aztables.ClientOptions{ClientOptions: azcore.ClientOptions{
		Retry: policy.RetryOptions{MaxRetries: -1}, Transport: &http.Client{Transport: transport},
		Telemetry: policy.TelemetryOptions{Disabled: true},
	}})
	if err != nil {
		return nil, fmt.Errorf("%w: TABLES_CONNECTION_STRING is none", role.ErrUsage) // the error may quote the key
	}
	return service.NewClient(name), nil
}

// prepareTable makes the table unless it is there.
func prepareTable(ctx context.Context, client *aztables.Client) error {
	ctx, cancel := context.WithTimeout(ctx, applyTimeout)
	defer cancel()
	_, err := client.CreateTable(ctx, nil)
	if refused, ok := errors.AsType[*azcore.ResponseError](err); ok && refused.ErrorCode == string(aztables.TableAlreadyExists) {
		return nil
	}
	return err
}

// store keeps orders in Table storage.
type store struct {
	client *aztables.Client

	mu     sync.Mutex
	cached map[string]status // by customer: saves a read for each order but the first of a session
}

func newStore(client *aztables.Client) *store {
	return &store{client: client, cached: map[string]status{}}
}

// status is a customer's row. Its ETag is the fence: who writes from an older one
// is refused.
type status struct {
	etag   azcore.ETag // empty: there is no row yet
	orders int64       // how many were processed
	total  int64       // cents
}

var (
	errReused   = errors.New("the idempotency key was used with another content")
	errNotThere = errors.New("no such row")
	errContend  = errors.New("others write the same customer")
)

// apply processes an order: in one transaction the row that remembers it, the order
// with its position among those of its customer, and the status. It reports
// whether it had not been processed before.
//
// Without an answer nobody knows whether it happened: applying it again tells.
func (s *store) apply(ctx context.Context, o Order, sequence int64) (fresh bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, applyTimeout)
	defer cancel()
	for range maxTries {
		fresh, err = s.try(ctx, o, sequence)
		if !errors.Is(err, errContend) {
			return fresh, err
		}
	}
	return false, fmt.Errorf("order %s: %w", o.id, err)
}

func (s *store) try(ctx context.Context, o Order, sequence int64) (fresh bool, err error) {
	before, err := s.status(ctx, o.Customer)
	if err != nil {
		return false, err
	}
	after := status{orders: before.orders + 1, total: before.total + o.total()}
	rows, err := transaction(o, sequence, before, after)
	if err != nil {
		return false, err
	}
	etags, err := tablebatch.Submit(ctx, s.client, rows)
	if err == nil {
		after.etag = etags[len(etags)-1]
		s.remember(o.Customer, after)
		return true, nil
	}
	s.forget(o.Customer)
	switch {
	case tablebatch.Exists(err):
		return false, s.seen(ctx, o)
	case tablebatch.Stale(err):
		return false, errContend
	}
	return false, fmt.Errorf("order %s: %w", o.id, err)
}

// seen returns nil if this very order was processed, errReused if its key was used
// for another content, and errContend if neither.
func (s *store) seen(ctx context.Context, o Order) error {
	row, err := s.get(ctx, o.Customer, rowSeen+o.id)
	switch {
	case errors.Is(err, errNotThere):
		return errContend // it was the status that somebody else made
	case err != nil:
		return err
	case row.Properties["Content"] != o.content:
		return errReused
	}
	return nil
}

func transaction(o Order, sequence int64, before, after status) ([]aztables.TransactionAction, error) {
	updating := aztables.TransactionAction{ActionType: aztables.TransactionTypeAdd}
	if before.etag != "" {
		updating = aztables.TransactionAction{ActionType: aztables.TransactionTypeUpdateReplace, IfMatch: &before.etag}
	}
	rows := []aztables.TransactionAction{{ActionType: aztables.TransactionTypeAdd}, {ActionType: aztables.TransactionTypeAdd}, updating}
	for i, row := range []struct {
		key        string
		properties map[string]any
	}{
		{rowSeen + o.id, map[string]any{"Content": o.content}},
		{rowOrder + o.id, map[string]any{
			"Status": "processed", "Position": aztables.EDMInt64(after.orders), "Total": aztables.EDMInt64(o.total()),
			"Sequence": aztables.EDMInt64(sequence), "Content": o.content, "Body": aztables.EDMBinary(o.raw),
		}},
		{rowStatus, map[string]any{"Orders": aztables.EDMInt64(after.orders), "Total": aztables.EDMInt64(after.total), "Last": o.id}},
	} {
		raw, err := json.Marshal(aztables.EDMEntity{Entity: aztables.Entity{PartitionKey: o.Customer, RowKey: row.key}, Properties: row.properties})
		if err != nil {
			return nil, fmt.Errorf("order %s: %w", o.id, err)
		}
		rows[i].Entity = raw
	}
	return rows, nil
}

// status returns the customer's status, which may be an old one: then the
// transaction is refused.
func (s *store) status(ctx context.Context, customer string) (status, error) {
	s.mu.Lock()
	known, ok := s.cached[customer]
	s.mu.Unlock()
	if ok {
		return known, nil
	}
	row, err := s.get(ctx, customer, rowStatus)
	if errors.Is(err, errNotThere) {
		return status{}, nil
	}
	if err != nil {
		return status{}, err
	}
	orders, _ := row.Properties["Orders"].(aztables.EDMInt64)
	total, _ := row.Properties["Total"].(aztables.EDMInt64)
	return status{azcore.ETag(row.ETag), int64(orders), int64(total)}, nil
}

func (s *store) remember(customer string, st status) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.cached) >= maxCached {
		clear(s.cached)
	}
	s.cached[customer] = st
}

func (s *store) forget(customer string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.cached, customer)
}

// get reads a row, or returns errNotThere.
func (s *store) get(ctx context.Context, partition, key string) (aztables.EDMEntity, error) {
	var row aztables.EDMEntity
	answer, err := s.client.GetEntity(ctx, partition, key, nil)
	if refused, ok := errors.AsType[*azcore.ResponseError](err); ok && refused.StatusCode == http.StatusNotFound && refused.ErrorCode != string(aztables.TableNotFound) {
		return row, errNotThere
	}
	if err != nil {
		return row, fmt.Errorf("read a row: %w", err)
	}
	if err := json.Unmarshal(answer.Value, &row); err != nil {
		return row, fmt.Errorf("read a row: %w", err)
	}
	row.ETag = string(answer.ETag)
	return row, nil
}

// away tells that storage did not answer, or cannot now, from an answer about the
// order's own content that no repetition changes.
func away(err error) bool {
	r, ok := errors.AsType[*tablebatch.Refused](err)
	return !ok || r.Status != http.StatusBadRequest && r.Status != http.StatusRequestEntityTooLarge
}
