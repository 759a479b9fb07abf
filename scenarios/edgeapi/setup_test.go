//go:build unix

package edgeapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/provingground/provingground/deploy/local/server/servertest"
	"github.com/provingground/provingground/scenarios/edgeapi"
)

const token = "the-token"

// wire is D1 as its own protocol shows it: the same databases as behind a
// Worker's binding.
type wire struct {
	url  string
	stop func(all []edgeapi.Statement) error // called before each batch; may be nil
}

func (d *wire) Batch(ctx context.Context, _ string, all ...edgeapi.Statement) ([]edgeapi.Rows, string, error) {
	if d.stop != nil {
		if err := d.stop(all); err != nil {
			return nil, "", err
		}
	}
	var body []map[string]any
	for _, s := range all {
		body = append(body, map[string]any{"sql": s.SQL, "params": s.Args})
	}
	raw, err := json.Marshal(body)
	if err != nil {
		return nil, "", err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, d.url+"/edgeapi/query?resultsFormat=ROWS_AND_COLUMNS", bytes.NewReader(raw))
	if err != nil {
		return nil, "", err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, "", err
	}
	results, err := rowsOf(text)
	return results, resp.Header.Get("X-Cf-D1-Session-Commit-Token"), err
}

func rowsOf(text []byte) ([]edgeapi.Rows, error) {
	var answers []struct{ Results struct{ Rows [][]any } }
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	if err := dec.Decode(&answers); err != nil {
		return nil, fmt.Errorf("D1: %s", text)
	}
	var results []edgeapi.Rows
	for _, a := range answers {
		for _, row := range a.Results.Rows {
			for i, v := range row {
				if n, ok := v.(json.Number); ok {
					whole, err := n.Int64()
					if err != nil {
						return nil, err
					}
					row[i] = whole
				}
			}
		}
		results = append(results, a.Results.Rows)
	}
	return results, nil
}

// colo is a cache of its own.
type colo struct {
	mu      sync.Mutex
	entries map[string]edgeapi.Entry
}

func (c *colo) Get(_ context.Context, key string) (*edgeapi.Entry, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, found := c.entries[key]; found {
		return &e, nil
	}
	return nil, nil
}

func (c *colo) Put(_ context.Context, key string, e edgeapi.Entry) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.entries[key] = e
	return nil
}

func (c *colo) Delete(_ context.Context, key string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.entries, key)
	return nil
}

// settings are in memory.
type settings struct{ doc []byte }

func (s *settings) Settings(context.Context) ([]byte, error) { return s.doc, nil }

func (s *settings) SetSettings(_ context.Context, doc []byte) error {
	s.doc = doc
	return nil
}

// clock is a time that stands still until it is moved.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// site is one instance of the API, with a cache of its own.
type site struct {
	*edgeapi.API
	db    *wire
	clock *clock
	serve http.Handler
}

func atOnce(ctx context.Context, f func(context.Context)) { f(ctx) }

// sites are instances on one database.
func sites(t *testing.T, n int) []*site {
	t.Helper()
	url := servertest.Start(t, "d1").Env()["D1_URL"]
	migrate(t, url)
	now := &clock{now: time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)}
	var all []*site
	for range n {
		db := &wire{url: url}
		cache, err := edgeapi.NewNear(&colo{entries: map[string]edgeapi.Entry{}}, now.Now, atOnce, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		api := &edgeapi.API{
			Items: edgeapi.Items{DB: db}, Cache: cache, Settings: &settings{[]byte(`{"currency":"EUR"}`)},
			Token: token, Now: now.Now, Log: slog.New(slog.DiscardHandler),
		}
		all = append(all, &site{API: api, db: db, clock: now, serve: api.Handler()})
	}
	return all
}

// migrate applies the migrations that are deployed.
func migrate(t *testing.T, url string) {
	t.Helper()
	files, err := filepath.Glob("../../deploy/cloudflare/edgeapi/migrations/*.sql")
	if err != nil || len(files) == 0 {
		t.Fatalf("migrations %v, %v", files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := (&wire{url: url}).Batch(t.Context(), "", edgeapi.Statement{SQL: string(text)}); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
	}
}

// header are pairs of name and value.
type header []string

func (s *site) do(t *testing.T, method, path, body string, h header) *http.Response {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
	for i := 0; i < len(h); i += 2 {
		r.Header.Set(h[i], h[i+1])
	}
	w := httptest.NewRecorder()
	s.serve.ServeHTTP(w, r)
	return w.Result()
}

// writer are the headers of a write, and more.
func writer(key string, more ...string) header {
	return append(header{"Authorization", "Bearer " + token, "Idempotency-Key", key, "Content-Type", "application/json"}, more...)
}

func bodyOf(t *testing.T, resp *http.Response) string {
	t.Helper()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func want(t *testing.T, resp *http.Response, status int) *http.Response {
	t.Helper()
	if resp.StatusCode != status {
		t.Fatalf("status %d %s, want %d", resp.StatusCode, bodyOf(t, resp), status)
	}
	return resp
}

const cup = `{"name":"Espresso cup","description":"Holds 60 ml","price":900,"cost":410}`

// made creates an item and returns its path.
func (s *site) made(t *testing.T, key, body string) string {
	t.Helper()
	return want(t, s.do(t, "POST", "/api/items", body, writer(key)), 201).Header.Get("Location")
}

var errDown = errors.New("connection lost")
