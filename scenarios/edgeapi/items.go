package edgeapi

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

const columns = `id, name, description, price, cost, version, updated`

// Items reads and writes the catalogue.
type Items struct {
	DB Database
}

// look reads, and once more where the connection was lost: what only reads may be asked
// twice. A write is repeated by its client, who has the key.
func (i Items) look(ctx context.Context, since string, s Statement) ([]Rows, string, error) {
	results, bookmark, err := i.DB.Batch(ctx, since, s)
	if errors.Is(err, ErrLost) {
		return i.DB.Batch(ctx, since, s)
	}
	return results, bookmark, err
}

// Get returns an item as it is at the bookmark or later.
func (i Items) Get(ctx context.Context, since, id string) (item Item, bookmark string, err error) {
	results, bookmark, err := i.look(ctx, since, Statement{`SELECT ` + columns + ` FROM items WHERE id = ?`, []any{id}})
	if err != nil {
		return Item{}, "", fmt.Errorf("get item: %w", err)
	}
	if len(results[0]) == 0 {
		return Item{}, bookmark, ErrNotFound
	}
	return itemOf(results[0][0]), bookmark, nil
}

// Page is a part of the catalogue. Next is the cursor of the page after it, empty
// on the last.
type Page struct {
	Items []Item `json:"items"`
	Next  string `json:"next,omitempty"`
}

// cursor is where a page begins: behind the item with this name and id.
type cursor struct {
	Name, ID string
}

func (c cursor) String() string {
	raw, err := json.Marshal(c)
	if err != nil {
		return "" // two strings are always encoded
	}
	return base64.RawURLEncoding.EncodeToString(raw)
}

func parseCursor(s string) (c cursor, err error) {
	if s == "" {
		return cursor{}, nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(s)
	if err == nil {
		err = json.Unmarshal(raw, &c)
	}
	if err != nil {
		return cursor{}, &Invalid{"the cursor was not made here"}
	}
	return c, nil
}

// List returns a page by name. It costs the same wherever it begins: the index
// leads there.
func (i Items) List(ctx context.Context, since, after string, limit int) (Page, string, error) {
	c, err := parseCursor(after)
	if err != nil {
		return Page{}, "", err
	}
	results, bookmark, err := i.look(ctx, since, Statement{
		`SELECT ` + columns + ` FROM items WHERE (name, id) > (?, ?) ORDER BY name, id LIMIT ?`, []any{c.Name, c.ID, int64(limit + 1)},
	})
	if err != nil {
		return Page{}, "", fmt.Errorf("list items: %w", err)
	}
	page := pageOf(results[0])
	if len(page.Items) > limit {
		last := page.Items[limit-1]
		page.Items, page.Next = page.Items[:limit], cursor{last.Name, last.ID}.String()
	}
	return page, bookmark, nil
}

// Search returns the items that hold all words, the best first.
func (i Items) Search(ctx context.Context, since, words string, limit int) (Page, string, error) {
	match := matchAll(words)
	if match == "" {
		return Page{}, "", &Invalid{"the query holds no word"}
	}
	results, bookmark, err := i.look(ctx, since, Statement{
		`SELECT i.id, i.name, i.description, i.price, i.cost, i.version, i.updated FROM items_text t JOIN items i ON i.rowid = t.rowid
		 WHERE items_text MATCH ? ORDER BY t.rank, i.id LIMIT ?`, []any{match, int64(limit)},
	})
	if err != nil {
		return Page{}, "", fmt.Errorf("search items: %w", err)
	}
	return pageOf(results[0]), bookmark, nil
}

// matchAll makes a query for FTS5 of what somebody typed: each word is quoted, so
// that nothing of it is syntax.
func matchAll(words string) string {
	var quoted []string
	for _, w := range strings.Fields(words) {
		quoted = append(quoted, `"`+strings.ReplaceAll(w, `"`, `""`)+`"`)
	}
	return strings.Join(quoted, " ")
}

func pageOf(rows Rows) Page {
	page := Page{Items: make([]Item, 0, len(rows))}
	for _, row := range rows {
		page.Items = append(page.Items, itemOf(row))
	}
	return page
}

func itemOf(row []any) Item {
	cost := number(row[4])
	return Item{
		ID: word(row[0]), Name: word(row[1]), Description: word(row[2]),
		Price: number(row[3]), Cost: &cost, Version: number(row[5]), Updated: number(row[6]),
	}
}

func word(v any) string {
	s, _ := v.(string)
	return s
}

func number(v any) int64 {
	n, _ := v.(int64)
	return n
}
