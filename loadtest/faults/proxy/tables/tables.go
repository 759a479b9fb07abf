// Package tables names the requests to Azure Table storage.
package tables

import (
	"net/http"
	"strings"

	"github.com/provingground/provingground/loadtest/faults/proxy"
	"github.com/provingground/provingground/loadtest/faults/proxy/web"
)

// Protocol returns the protocol of Table storage. An operation is named as its
// REST reference does, in short: "Transaction", "GetEntity", "InsertEntity",
// "UpdateEntity", "MergeEntity", "DeleteEntity", "QueryEntities", "CreateTable".
func Protocol() proxy.Protocol { return web.Protocol(name) }

func name(r *http.Request, _ []byte) string {
	last := r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]
	one := strings.Contains(last, "PartitionKey=")
	switch {
	case last == "$batch":
		return "Transaction"
	case last == "Tables" && r.Method == http.MethodPost:
		return "CreateTable"
	case strings.HasPrefix(last, "Tables"):
		return r.Method + "Tables"
	case r.Method == http.MethodGet && one:
		return "GetEntity"
	case r.Method == http.MethodGet:
		return "QueryEntities"
	case r.Method == http.MethodPost:
		return "InsertEntity"
	case r.Method == http.MethodPut:
		return "UpdateEntity"
	case r.Method == http.MethodDelete:
		return "DeleteEntity"
	}
	return "MergeEntity"
}
