package problem_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/provingground/provingground/pkg/problem"
)

func TestAProblemIsWrittenWithItsHeaders(t *testing.T) {
	w := httptest.NewRecorder()
	problem.New(http.StatusServiceUnavailable, "not-attempted", "Not attempted", "Nothing was done.").After(2).Write(w)
	if w.Code != 503 || w.Header().Get("Retry-After") != "2" || w.Header().Get("Cache-Control") != "no-store" || w.Header().Get("Content-Type") != problem.ContentType {
		t.Errorf("answer %d with %v", w.Code, w.Header())
	}
	const want = `{"type":"` + problem.Base + `not-attempted","title":"Not attempted","status":503,"detail":"Nothing was done."}` + "\n"
	if w.Body.String() != want {
		t.Errorf("body %s, want %s", w.Body, want)
	}
}

func TestAfterLeavesTheFirstProblemAlone(t *testing.T) {
	p := problem.Invalid("no")
	if p.After(1); p.RetryAfter != 0 {
		t.Error("After changed its receiver")
	}
}

func TestBodiesAreReadOnlyIfTheyAreSmallJSON(t *testing.T) {
	for _, tt := range []struct {
		name, contentType, body string
		status                  int // 0: accepted
	}{
		{"JSON", "application/json", `{"n":1}`, 0},
		{"with a charset", "application/json; charset=utf-8", `{"n":1}`, 0},
		{"at the limit", "application/json", `{"n":1}` + strings.Repeat(" ", 9), 0},
		{"over the limit", "application/json", `{"n":1}` + strings.Repeat(" ", 10), 413},
		{"a form", "application/x-www-form-urlencoded", `n=1`, 415},
		{"no type", "", `{"n":1}`, 415},
		{"a malformed type", "application/json;;", `{"n":1}`, 415},
		{"nothing", "application/json", ``, 400},
		{"a piece", "application/json", `{"n":`, 400},
		{"two values", "application/json", `{"n":1}{}`, 400},
		{"an unknown field", "application/json", `{"m":1}`, 400},
		{"another type", "application/json", `{"n":"1"}`, 400},
	} {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(tt.body))
		r.Header.Set("Content-Type", tt.contentType)
		var body struct{ N int }
		raw, err := problem.ReadJSON(httptest.NewRecorder(), r, 16)
		if err == nil {
			err = problem.DecodeStrict(raw, &body)
		}
		status := 0
		var p *problem.Problem
		if errors.As(err, &p) {
			status = p.Status
		}
		if status != tt.status || (tt.status == 0 && (err != nil || body.N != 1)) {
			t.Errorf("%s: %v, N = %d; want status %d", tt.name, err, body.N, tt.status)
		}
	}
}
