package tables

import (
	"net/http/httptest"
	"testing"
)

func TestRequestsHaveTheNamesOfTheirOperations(t *testing.T) {
	for _, c := range []struct{ method, path, want string }{
		{"POST", "/devstoreaccount1/$batch", "Transaction"},
		{"POST", "/devstoreaccount1/Tables", "CreateTable"},
		{"GET", "/devstoreaccount1/Tables", "GETTables"},
		{"DELETE", "/devstoreaccount1/Tables('orders')", "DELETETables"},
		{"GET", "/devstoreaccount1/orders(PartitionKey='a',RowKey='b')", "GetEntity"},
		{"GET", "/devstoreaccount1/orders()", "QueryEntities"},
		{"POST", "/devstoreaccount1/orders", "InsertEntity"},
		{"PUT", "/devstoreaccount1/orders(PartitionKey='a',RowKey='b')", "UpdateEntity"},
		{"PATCH", "/devstoreaccount1/orders(PartitionKey='a',RowKey='b')", "MergeEntity"},
		{"DELETE", "/devstoreaccount1/orders(PartitionKey='a',RowKey='b')", "DeleteEntity"},
	} {
		if got := name(httptest.NewRequest(c.method, c.path, nil), nil); got != c.want {
			t.Errorf("%s %s is %s, want %s", c.method, c.path, got, c.want)
		}
	}
}
