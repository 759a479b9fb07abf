//go:build unix

package tablebatch_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/data/aztables"

	"github.com/provingground/provingground/deploy/local/server/servertest"
	"github.com/provingground/provingground/pkg/tablebatch"
)

func open(t *testing.T) *aztables.Client {
	t.Helper()
	table, err := tablebatch.Open(servertest.Start(t, "tables").Env()["TABLES_CONNECTION_STRING"], "rows")
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // each start prepares it
		if err := tablebatch.Prepare(t.Context(), table); err != nil {
			t.Fatal(err)
		}
	}
	return table
}

func row(t *testing.T, do aztables.TransactionType, partition, key string, etag azcore.ETag, n int64) aztables.TransactionAction {
	t.Helper()
	action, err := tablebatch.Row(do, partition, key, etag, map[string]any{"N": aztables.EDMInt64(n), "Text": "x"})
	if err != nil {
		t.Fatal(err)
	}
	return action
}

func TestATransactionIsAllOrNothingAndSaysWhy(t *testing.T) {
	table := open(t)
	const add, replace = aztables.TransactionTypeAdd, aztables.TransactionTypeUpdateReplace
	submit := func(rows ...aztables.TransactionAction) ([]azcore.ETag, error) {
		return tablebatch.Submit(t.Context(), table, rows)
	}
	etags, err := submit(row(t, add, "p", "a", "", 1), row(t, add, "p", "b", "", 2))
	if err != nil || len(etags) != 2 || etags[0] == "" {
		t.Fatalf("etags %q, %v", etags, err)
	}
	_, err = submit(row(t, add, "p", "c", "", 1), row(t, add, "p", "b", "", 1))
	if refused, ok := errors.AsType[*tablebatch.Refused](err); !ok || !tablebatch.Exists(err) || refused.Index != 1 || tablebatch.Answered(err) {
		t.Errorf("a row that is there: %v", err)
	}
	if _, err := tablebatch.Get(t.Context(), table, "p", "c"); !errors.Is(err, tablebatch.ErrNotThere) {
		t.Errorf("the first row of a refused transaction: %v", err)
	}
	if _, err := submit(row(t, replace, "p", "a", etags[0], 3)); err != nil {
		t.Errorf("the ETag that the first transaction returned: %v", err)
	}
	if _, err := submit(row(t, replace, "p", "a", etags[0], 4)); !tablebatch.Stale(err) {
		t.Errorf("a stale ETag: %v", err)
	}
	if _, err := submit(row(t, replace, "p", "nosuch", etags[0], 4)); !tablebatch.Stale(err) {
		t.Errorf("a row that is gone: %v", err)
	}
	for name, rows := range map[string][]aztables.TransactionAction{
		"none": nil, "two partitions": {row(t, add, "p", "d", "", 1), row(t, add, "q", "d", "", 1)}, "one twice": {row(t, add, "p", "d", "", 1), row(t, add, "p", "d", "", 1)},
		"too many": make([]aztables.TransactionAction, tablebatch.MaxRows+1),
	} {
		if _, err := submit(rows...); !errors.Is(err, tablebatch.ErrRows) {
			t.Errorf("%s: %v", name, err)
		}
	}
	got, err := tablebatch.Get(t.Context(), table, "p", "a")
	if err != nil || tablebatch.Number(got, "N") != 3 || tablebatch.Text(got, "Text") != "x" || got.ETag == "" || tablebatch.Number(got, "Text") != 0 {
		t.Errorf("read %+v, %v", got, err)
	}
}

func TestRowsAreReadInOrderUntilOneHasSeenEnough(t *testing.T) {
	table := open(t)
	for _, key := range []string{"c", "a", "b"} {
		if _, err := tablebatch.Submit(t.Context(), table, []aztables.TransactionAction{row(t, aztables.TransactionTypeAdd, "p", key, "", 1)}); err != nil {
			t.Fatal(err)
		}
	}
	for filter, want := range map[string]string{"": "ab", "RowKey ge 'b'": "bc"} {
		var seen []string
		err := tablebatch.Each(t.Context(), table, filter, func(row aztables.EDMEntity) bool { seen = append(seen, row.RowKey); return len(seen) < 2 })
		if got := strings.Join(seen, ""); err != nil || got != want {
			t.Errorf("%s: %s, %v; want %s", filter, got, err, want)
		}
	}
}

func TestABadConnectionStringIsNotQuoted(t *testing.T) {
	const key = "a-secret-key"
	if _, err := tablebatch.Open("AccountKey="+key, "t"); !errors.Is(err, tablebatch.ErrConnection) || strings.Contains(err.Error(), key) {
		t.Errorf("%v", err)
	}
}
