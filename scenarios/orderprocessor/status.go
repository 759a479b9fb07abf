package orderprocessor

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/data/aztables"

	"github.com/provingground/provingground/pkg/problem"
	"github.com/provingground/provingground/pkg/tablebatch"
)

// readTimeout bounds a look into Table storage. Accepting an order needs none.
const readTimeout = 2 * time.Second

// processed is what becomes of an order.
type processed struct {
	ID       string `json:"id"`
	Customer string `json:"customer"`
	Status   string `json:"status"`
	Position int64  `json:"position"` // among the customer's orders, from 1
	Total    int64  `json:"total"`    // cents
}

// order shows an order once it is processed.
func (i *intake) order(w http.ResponseWriter, r *http.Request) {
	row, ok := i.look(w, r, rowOrder+r.PathValue("id"), "The order is not processed yet, or was never placed, or is a dead letter.")
	if !ok {
		return
	}
	i.answer(w, http.StatusOK, processed{
		r.PathValue("id"), row.PartitionKey, "processed", tablebatch.Number(row, "Position"), tablebatch.Number(row, "Total"),
	})
}

// customer shows what a customer's processed orders amount to.
func (i *intake) customer(w http.ResponseWriter, r *http.Request) {
	row, ok := i.look(w, r, rowStatus, "No order of this customer is processed.")
	if !ok {
		return
	}
	i.answer(w, http.StatusOK, struct {
		Customer string `json:"customer"`
		Orders   int64  `json:"orders"`
		Total    int64  `json:"total"`
	}{row.PartitionKey, tablebatch.Number(row, "Orders"), tablebatch.Number(row, "Total")})
}

func (i *intake) look(w http.ResponseWriter, r *http.Request, key, missing string) (aztables.EDMEntity, bool) {
	if !name(r.PathValue("customer")) || !name(key) {
		i.fail(w, problem.New(http.StatusNotFound, "no-such-order", "Not there", missing))
		return aztables.EDMEntity{}, false
	}
	ctx, cancel := context.WithTimeout(r.Context(), readTimeout)
	defer cancel()
	row, err := tablebatch.Get(ctx, i.store.client, r.PathValue("customer"), key)
	switch {
	case errors.Is(err, tablebatch.ErrNotThere):
		i.fail(w, problem.New(http.StatusNotFound, "no-such-order", "Not there", missing))
	case err != nil:
		i.fail(w, problem.New(http.StatusServiceUnavailable, "not-attempted", "Not attempted", "Table storage does not answer: ask again.").After(1))
	}
	return row, err == nil
}
