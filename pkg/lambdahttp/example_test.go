package lambdahttp_test

import (
	"context"
	"fmt"
	"net/http"

	"github.com/provingground/provingground/pkg/lambdahttp"
)

func Example() {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /hello/{name}", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "hello %s", r.PathValue("name"))
	})
	function := lambdahttp.Wrap(mux) // main: lambda.Start(function)

	answer, err := function(context.Background(), event("GET", "/hello/ada", "", ""))
	fmt.Println(answer.StatusCode, answer.Body, err)
	// Output: 200 hello ada <nil>
}
