package d1sql_test

import (
	"errors"
	"testing"

	"github.com/provingground/provingground/pkg/edge"
	"github.com/provingground/provingground/pkg/edge/d1sql"
)

func TestThereAreNoTransactionsAndNoCallsWithoutAnEvent(t *testing.T) {
	db := d1sql.Open("DB")
	defer db.Close()
	if _, err := db.BeginTx(t.Context(), nil); !errors.Is(err, d1sql.ErrNoTransactions) {
		t.Errorf("BeginTx: %v", err)
	}
	if _, err := db.QueryContext(t.Context(), "SELECT 1"); !errors.Is(err, edge.ErrNoEvent) {
		t.Errorf("QueryContext: %v", err)
	}
}
