package edge_test

import (
	"fmt"
	"log"
	"net/http"

	"github.com/provingground/provingground/pkg/edge"
	"github.com/provingground/provingground/pkg/edge/d1"
)

// A Worker that counts its visits in D1.
func Example() {
	db := d1.DB{Binding: "DB"}
	err := edge.Serve(edge.App{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		results, err := db.Session(d1.FirstPrimary).Batch(r.Context(),
			d1.Statement{SQL: "UPDATE visits SET n = n + 1"},
			d1.Statement{SQL: "SELECT n FROM visits"})
		if err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, results[1].Rows[0][0])
	})})
	if err != nil {
		log.Print(err) // outside workerd
	}
}
