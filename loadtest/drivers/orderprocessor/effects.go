package orderprocessor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/data/aztables"

	"github.com/provingground/provingground/pkg/tablebatch"
)

// effects are what became of the orders, where it happened.
type effects struct {
	rows      map[string][]row // of orders, by key: raw, so that a second one shows
	customers map[string]customer
	dead      []string // on the dead-letter queue: which, and why
}

// row is a processed order.
type row struct {
	customer string
	position int64
	total    int64
	at       time.Time
}

// customer is what a customer's status says.
type customer struct{ orders, total int64 }

// look reads the whole table and the dead-letter queue.
func (d *Driver) look(ctx context.Context) (*effects, error) {
	table, err := tablebatch.Open(d.setup.Env()["TABLES_CONNECTION_STRING"], d.setup.Env()["ORDERS_TABLE"])
	if err != nil {
		return nil, err
	}
	e := &effects{rows: map[string][]row{}, customers: map[string]customer{}}
	var bad error
	err = tablebatch.Each(ctx, table, "", func(row aztables.EDMEntity) bool {
		bad = e.add(row)
		return bad == nil
	})
	if err = errors.Join(err, bad); err != nil {
		return nil, err
	}
	e.dead, err = d.deadLetters(ctx)
	return e, err
}

func (e *effects) add(entity aztables.EDMEntity) error {
	number := func(property string) int64 { return tablebatch.Number(entity, property) }
	switch {
	case entity.RowKey == "status":
		e.customers[entity.PartitionKey] = customer{number("Orders"), number("Total")}
	case strings.HasPrefix(entity.RowKey, "order-"):
		body, _ := entity.Properties["Body"].(aztables.EDMBinary)
		var order struct{ Note string }
		if err := json.Unmarshal(body, &order); err != nil {
			return fmt.Errorf("order %s: %w", entity.RowKey, err)
		}
		e.rows[order.Note] = append(e.rows[order.Note], row{entity.PartitionKey, number("Position"), number("Total"), time.Time(entity.Timestamp)})
	}
	return nil
}

// deadLetters returns what a processor lists.
func (d *Driver) deadLetters(ctx context.Context) (all []string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, d.setup.AdminURLs(processor)[0]+"/admin/dead-letters", nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+d.setup.Env()["ADMIN_TOKEN"])
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, fmt.Errorf("look for dead letters: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("look for dead letters: %s", resp.Status)
	}
	var letters []struct{ Customer, Reason, Order string }
	if err := json.NewDecoder(resp.Body).Decode(&letters); err != nil {
		return nil, fmt.Errorf("look for dead letters: %w", err)
	}
	for _, l := range letters {
		all = append(all, l.Customer+"/"+l.Order+": "+l.Reason)
	}
	return all, nil
}
