package main

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/provingground/provingground/pkg/role"
)

const token = "a secret that is long enough to pass"

// environment is that of whoever calls the service at url.
func environment(url string) func(string) string {
	all := map[string]string{"ADMIN_TOKEN": token, "QUARANTINE_URL": url}
	return func(name string) string { return all[name] }
}

func TestMistakesInTheCallSayHowItIsUsed(t *testing.T) {
	for _, args := range [][]string{
		{"help"},
		{"lst"},
		{"groups", "x"},
		{"show"},
		{"diff"},
		{"diff", "a", "b"},
		{"progress"},
		{"discard", "a"},
		{"resubmit", "-why", "x", "a"},
		{"repair", "-why", "x", "a"},
		{"repair", "-data", "{}", "a"},
		{"list", "-nosuch"},
	} {
		err := run(t.Context(), environment(""), args, io.Discard)
		if !errors.Is(err, role.ErrUsage) || !strings.Contains(err.Error(), "quarantine groups") {
			t.Errorf("quarantine %q = %v, want its usage", args, err)
		}
	}
	if err := run(t.Context(), environment(""), []string{"groups"}, io.Discard); !errors.Is(err, role.ErrUsage) || !strings.Contains(err.Error(), "QUARANTINE_URL") {
		t.Errorf("without an address: %v", err)
	}
}

func TestEachCommandIsOneRequest(t *testing.T) {
	var got string
	status := http.StatusOK
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		got = r.Method + " " + r.URL.String() + " " + string(raw)
		if !role.Authorized(r, token) {
			got = "not authorized"
		}
		w.WriteHeader(status)
		io.WriteString(w, `{"answer":1}`)
	}))
	defer srv.Close()
	env := environment(srv.URL)
	for want, args := range map[string][]string{
		`GET /api/groups null`: {"groups"},
		`GET /api/letters?after=&limit=5&queue=q&reason=malformed&shape=&state=open null`: {"list", "-queue", "q", "-reason", "malformed", "-state", "open", "-limit", "5"},
		`GET /api/letters/a%2Fb null`:                               {"show", "a/b"},
		`GET /api/letters/a/diff null`:                              {"diff", "a"},
		`PUT /api/letters/a/repair {"data":{"amount":1},"why":"x"}`: {"repair", "-why", "x", "-data", `{"amount":1}`, "a"},
		`PUT /api/resubmissions/june {"ids":["a","b"]}`:             {"resubmit", "-name", "june", "a", "b"},
		`GET /api/resubmissions/june null`:                          {"progress", "june"},
		`POST /api/discards {"queue":"q","why":"old"}`:              {"discard", "-why", "old", "-queue", "q"},
		`GET /api/audit?letter=a null`:                              {"audit", "a"},
	} {
		var out strings.Builder
		if err := run(t.Context(), env, args, &out); err != nil || got != want || !strings.Contains(out.String(), `"answer": 1`) {
			t.Errorf("%q asked %s and printed %q, %v; want %s", args, got, out.String(), err, want)
		}
	}
	status = http.StatusUnprocessableEntity
	if err := run(t.Context(), env, []string{"groups"}, io.Discard); err == nil || errors.Is(err, role.ErrUsage) || !strings.Contains(err.Error(), "422") {
		t.Errorf("a refusal: %v", err)
	}
}
