//go:build unix

package edgeapi_test

import (
	"strings"
	"testing"
	"time"

	"github.com/provingground/provingground/scenarios/edgeapi"
)

func TestBadInputIsRefusedAndChangesNothing(t *testing.T) {
	s := sites(t, 1)[0]
	path := s.made(t, "k", cup)
	auth := "Bearer " + token
	item := func(name string) string { return `{"name":"` + name + `","description":"","price":1,"cost":1}` }
	for _, tt := range []struct {
		name, method, path, body string
		h                        header
		want                     int
	}{
		{"no token", "POST", "/api/items", cup, header{"Idempotency-Key", "x", "Content-Type", "application/json"}, 401},
		{"another token", "POST", "/api/items", cup, header{"Authorization", "Bearer no", "Idempotency-Key", "x"}, 401},
		{"a read with another token", "GET", path, "", header{"Authorization", "Bearer no"}, 401},
		{"no key", "POST", "/api/items", cup, header{"Authorization", auth, "Content-Type", "application/json"}, 400},
		{"a key that is too long", "POST", "/api/items", cup, writer(strings.Repeat("k", 101)), 400},
		{"no JSON", "POST", "/api/items", "name=Cup", writer("x", "Content-Type", "application/x-www-form-urlencoded"), 415},
		{"half an item", "POST", "/api/items", `{"name":"Cup"`, writer("x"), 400},
		{"an unknown field", "POST", "/api/items", `{"name":"Cup","colour":"red"}`, writer("x"), 400},
		{"two items", "POST", "/api/items", cup + cup, writer("x"), 400},
		{"a name of 10,000 characters", "POST", "/api/items", item(strings.Repeat("n", 10_000)), writer("x"), 400},
		{"no name", "POST", "/api/items", item(""), writer("x"), 400},
		{"invalid UTF-8", "POST", "/api/items", item("\xff\xfe"), writer("x"), 400},
		{"a control character", "POST", "/api/items", item(`a\u0000b`), writer("x"), 400},
		{"a negative price", "POST", "/api/items", strings.Replace(cup, "900", "-1", 1), writer("x"), 400},
		{"a price that is no integer", "POST", "/api/items", strings.Replace(cup, "900", "1.5", 1), writer("x"), 400},
		{"a body over the limit", "POST", "/api/items", item(strings.Repeat("n", 65_536)), writer("x"), 413},
		{"no version", "PUT", path, cup, writer("x"), 428},
		{"a weak version", "PUT", path, cup, writer("x", "If-Match", `W/"1"`), 412},
		{"any version", "PUT", path, cup, writer("x", "If-Match", `*`), 412},
		{"another version", "PUT", path, cup, writer("x", "If-Match", `"7"`), 412},
		{"an item that is not there", "PUT", "/api/items/000000000000000000000000", cup, writer("x", "If-Match", `"1"`), 404},
		{"an id that is none", "GET", "/api/items/1%20OR%201=1", "", nil, 404},
		{"a limit that is none", "GET", "/api/items?limit=0", "", nil, 400},
		{"a cursor that is none", "GET", "/api/items?after=%27%3B--", "", nil, 400},
		{"a query without a word", "GET", "/api/items?q=+", "", nil, 400},
		{"a query that is too long", "GET", "/api/items?q=" + strings.Repeat("q", 201), "", nil, 400},
		{"a bookmark that is none", "GET", path, "", header{"D1-Bookmark", "a b"}, 400},
		{"a page that is none", "GET", "/nosuch", "", nil, 404},
		{"a method that is none", "PATCH", path, cup, writer("x"), 405},
	} {
		resp := s.do(t, tt.method, tt.path, tt.body, tt.h)
		if text := bodyOf(t, resp); resp.StatusCode != tt.want {
			t.Errorf("%s: status %d %s, want %d", tt.name, resp.StatusCode, text, tt.want)
		}
		if kind := resp.Header.Get("Content-Type"); kind != "application/problem+json" {
			t.Errorf("%s: answered as %s", tt.name, kind)
		}
	}
	results, _, err := s.db.Batch(t.Context(), "", edgeapi.Statement{SQL: "SELECT (SELECT count(*) FROM items), (SELECT count(*) FROM keys), (SELECT version FROM items)"})
	if err != nil || results[0][0][0] != int64(1) || results[0][0][1] != int64(1) || results[0][0][2] != int64(1) {
		t.Errorf("items, keys, version: %v, %v", results, err)
	}
}

func TestWhatLooksLikeSQLIsText(t *testing.T) {
	s := sites(t, 1)[0]
	name := `'); DROP TABLE items; --`
	path := s.made(t, "k", `{"name":"`+name+`","description":"\" OR NEAR(","price":1,"cost":1}`)
	if got := bodyOf(t, want(t, s.do(t, "GET", path, "", nil), 200)); !strings.Contains(got, "DROP TABLE items") {
		t.Errorf("item %s", got)
	}
	for _, q := range []string{`%22+OR+1`, `name:drop`, `drop*`, `NEAR(`, `%27%3B`, `drop+NOT+table`, `-`, `%22`} {
		want(t, s.do(t, "GET", "/api/items?q="+q, "", nil), 200)
	}
	if got := bodyOf(t, want(t, s.do(t, "GET", "/api/items?q=drop+table", "", nil), 200)); !strings.Contains(got, "DROP") {
		t.Errorf("found %s", got)
	}
}

func TestAdmissionRefusesWhatIsOverItsRate(t *testing.T) {
	a := &edgeapi.Admission{PerSecond: 100}
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	passed := 0
	for i := range 400 { // 200/s for two seconds
		if a.Allow(now.Add(time.Duration(i) * 5 * time.Millisecond)) {
			passed++
		}
	}
	if passed < 200 || passed > 225 {
		t.Errorf("%d of 400 passed in two seconds, want 200 and the burst", passed)
	}
	var none *edgeapi.Admission
	if !none.Allow(now) {
		t.Error("without a limit a request is refused")
	}
}

func TestBoundedRefusesWhatWouldWait(t *testing.T) {
	s := sites(t, 1)[0]
	b := &edgeapi.Bounded{DB: s.db, Most: 1, Timeout: time.Minute}
	s.db.stop = func([]edgeapi.Statement) error {
		s.db.stop = nil
		_, _, err := b.Batch(t.Context(), "", edgeapi.Statement{SQL: "SELECT 2"})
		return err
	}
	if _, _, err := b.Batch(t.Context(), "", edgeapi.Statement{SQL: "SELECT 1"}); err != edgeapi.ErrOverloaded {
		t.Errorf("a second batch beside the first: %v", err)
	}
	if _, _, err := b.Batch(t.Context(), "", edgeapi.Statement{SQL: "SELECT 1"}); err != nil {
		t.Errorf("a batch after the first: %v", err)
	}
}
