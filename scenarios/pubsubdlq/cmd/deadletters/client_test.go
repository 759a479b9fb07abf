//go:build unix

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

// environment is that of whoever calls the service at url.
func environment(url string) func(string) string {
	all := map[string]string{"ADMIN_TOKEN": "a secret that is long enough to pass", "DEADLETTERS_URL": url}
	return func(name string) string { return all[name] }
}

func TestMistakesInTheCallSayHowItIsUsed(t *testing.T) {
	for _, args := range [][]string{
		{"help"}, {"lst"}, {"groups", "x"}, {"show"}, {"show", "a", "b"}, {"progress"}, {"discard", "a"}, {"redrive", "-why", "x", "a"}, {"list", "-nosuch"},
	} {
		err := run(t.Context(), environment(""), args, io.Discard)
		if !errors.Is(err, role.ErrUsage) || !strings.Contains(err.Error(), "deadletters groups") {
			t.Errorf("deadletters %q = %v, want its usage", args, err)
		}
	}
	if err := run(t.Context(), environment(""), []string{"groups"}, io.Discard); !errors.Is(err, role.ErrUsage) || !strings.Contains(err.Error(), "DEADLETTERS_URL") {
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
		if !role.Authorized(r, "a secret that is long enough to pass") {
			got = "not authorized"
		}
		w.WriteHeader(status)
		io.WriteString(w, `{"answer":1}`)
	}))
	defer srv.Close()
	env := environment(srv.URL)
	for want, args := range map[string][]string{
		`GET /api/groups null`: {"groups"},
		`GET /api/letters?after=&key=&limit=5&reason=malformed&shape=&state=open null`: {"list", "-reason", "malformed", "-state", "open", "-limit", "5"},
		`GET /api/letters/a%2Fb null`:                   {"show", "a/b"},
		`PUT /api/redrives/june {"ids":["a","b"]}`:      {"redrive", "-name", "june", "a", "b"},
		`GET /api/redrives/june null`:                   {"progress", "june"},
		`POST /api/discards {"key":"acme","why":"old"}`: {"discard", "-why", "old", "-key", "acme"},
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
