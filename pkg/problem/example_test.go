package problem_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/provingground/provingground/pkg/problem"
)

// A handler returns problems as errors and writes them in one place.
func Example() {
	handle := func(w http.ResponseWriter, r *http.Request) error {
		raw, err := problem.ReadJSON(w, r, 1024)
		if err != nil {
			return err
		}
		var body struct{ Score int }
		return problem.DecodeStrict(raw, &body)
	}

	r := httptest.NewRequest(http.MethodPost, "/scores", strings.NewReader(`{"Score": "high"}`))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	var p *problem.Problem
	if err := handle(w, r); errors.As(err, &p) {
		p.Write(w)
	}
	fmt.Println(w.Code, w.Header().Get("Content-Type"))
	fmt.Print(w.Body)
	// Output:
	// 400 application/problem+json
	// {"type":"https://provingground.dev/problems/invalid-request","title":"Bad Request","status":400,"detail":"the body is not the expected JSON: json: cannot unmarshal string into Go struct field .Score of type int"}
}
