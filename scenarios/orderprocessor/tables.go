package orderprocessor

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/data/aztables"

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
	errReused  = errors.New("the idempotency key was used with another content")
	errContend = errors.New("others write the same customer")
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
	row, err := tablebatch.Get(ctx, s.client, o.Customer, rowSeen+o.id)
	switch {
	case errors.Is(err, tablebatch.ErrNotThere):
		return errContend // it was the status that somebody else made
	case err != nil:
		return err
	case row.Properties["Content"] != o.content:
		return errReused
	}
	return nil
}

func transaction(o Order, sequence int64, before, after status) ([]aztables.TransactionAction, error) {
	updating := aztables.TransactionTypeAdd
	if before.etag != "" {
		updating = aztables.TransactionTypeUpdateReplace
	}
	rows := make([]aztables.TransactionAction, 0, 3)
	for _, row := range []struct {
		do         aztables.TransactionType
		key        string
		etag       azcore.ETag
		properties map[string]any
	}{
		{aztables.TransactionTypeAdd, rowSeen + o.id, "", map[string]any{"Content": o.content}},
		{aztables.TransactionTypeAdd, rowOrder + o.id, "", map[string]any{
			"Status": "processed", "Position": aztables.EDMInt64(after.orders), "Total": aztables.EDMInt64(o.total()),
			"Sequence": aztables.EDMInt64(sequence), "Content": o.content, "Body": aztables.EDMBinary(o.raw),
		}},
		{updating, rowStatus, before.etag, map[string]any{"Orders": aztables.EDMInt64(after.orders), "Total": aztables.EDMInt64(after.total), "Last": o.id}},
	} {
		action, err := tablebatch.Row(row.do, o.Customer, row.key, row.etag, row.properties)
		if err != nil {
			return nil, fmt.Errorf("order %s: %w", o.id, err)
		}
		rows = append(rows, action)
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
	row, err := tablebatch.Get(ctx, s.client, customer, rowStatus)
	if errors.Is(err, tablebatch.ErrNotThere) {
		return status{}, nil
	}
	if err != nil {
		return status{}, err
	}
	return status{azcore.ETag(row.ETag), tablebatch.Number(row, "Orders"), tablebatch.Number(row, "Total")}, nil
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
