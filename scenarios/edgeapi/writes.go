package edgeapi

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"
)

// Key is the identity of a write, and what it asked for.
type Key struct {
	Name string
	Hash string // of the request
}

// Receipt is the answer to a write: what it did when it was carried out, whoever
// asks again.
type Receipt struct {
	Status   int
	Version  int64
	Body     []byte
	Again    bool   // it was carried out before
	Bookmark string // a read that carries it sees the write
}

// Create makes an item. Whether it was made by this call or by an earlier one with
// the same key, the answer is the same.
func (i Items) Create(ctx context.Context, key Key, d Draft, now time.Time) (Receipt, error) {
	item := d.item(random(), 1, now)
	w, err := newWrite(key, 201, item, now)
	if err != nil {
		return Receipt{}, err
	}
	return i.commit(ctx, w,
		Statement{`INSERT INTO keys (key, hash, attempt, status, version, body, created) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (key) DO NOTHING`, w.row()},
		Statement{
			`INSERT INTO items (` + columns + `) SELECT ?, ?, ?, ?, ?, ?, ? WHERE EXISTS (SELECT 1 FROM keys WHERE key = ? AND attempt = ?)`,
			[]any{item.ID, d.Name, d.Description, d.Price, d.Cost, item.Version, item.Updated, key.Name, w.attempt},
		})
}

// Update replaces an item that still has the version, or returns ErrChanged with
// a receipt that holds the version it has.
func (i Items) Update(ctx context.Context, key Key, id string, version int64, d Draft, now time.Time) (Receipt, error) {
	item := d.item(id, version+1, now)
	w, err := newWrite(key, 200, item, now)
	if err != nil {
		return Receipt{}, err
	}
	return i.commit(ctx, w, w.claim(id, version), Statement{
		`UPDATE items SET name = ?, description = ?, price = ?, cost = ?, version = ?, updated = ?
		 WHERE id = ? AND version = ? AND EXISTS (SELECT 1 FROM keys WHERE key = ? AND attempt = ?)`,
		[]any{d.Name, d.Description, d.Price, d.Cost, item.Version, item.Updated, id, version, key.Name, w.attempt},
	})
}

// Delete removes an item that still has the version, as Update replaces one.
func (i Items) Delete(ctx context.Context, key Key, id string, version int64, now time.Time) (Receipt, error) {
	w := &write{key: key, attempt: random(), status: 204, id: id, version: version, now: now}
	return i.commit(ctx, w, w.claim(id, version), Statement{
		`DELETE FROM items WHERE id = ? AND version = ? AND EXISTS (SELECT 1 FROM keys WHERE key = ? AND attempt = ?)`,
		[]any{id, version, key.Name, w.attempt},
	})
}

// Purge removes the keys that nobody repeats any more, a bounded number.
func (i Items) Purge(ctx context.Context, now time.Time) error {
	const batch = 2000
	_, _, err := i.DB.Batch(ctx, "", Statement{
		`DELETE FROM keys WHERE key IN (SELECT key FROM keys WHERE created < ? ORDER BY created LIMIT ?)`,
		[]any{now.Add(-keysKept).UnixMilli(), int64(batch)},
	})
	if err != nil {
		return fmt.Errorf("purge keys: %w", err)
	}
	return nil
}

func (d Draft) item(id string, version int64, now time.Time) Item {
	return Item{ID: id, Name: d.Name, Description: d.Description, Price: d.Price, Cost: &d.Cost, Version: version, Updated: now.UnixMilli()}
}

// write is one attempt.
type write struct {
	key     Key
	attempt string
	status  int
	id      string
	version int64
	body    string
	now     time.Time
}

func newWrite(key Key, status int, item Item, now time.Time) (*write, error) {
	body, err := json.Marshal(item)
	if err != nil {
		return nil, err
	}
	return &write{key: key, attempt: random(), status: status, id: item.ID, version: item.Version, body: string(body), now: now}, nil
}

func (w *write) row() []any {
	return []any{w.key.Name, w.key.Hash, w.attempt, int64(w.status), w.version, w.body, w.now.UnixMilli()}
}

// claim writes the key's row if the item has the version: without that row the
// statement behind it does nothing.
func (w *write) claim(id string, version int64) Statement {
	return Statement{
		`INSERT INTO keys (key, hash, attempt, status, version, body, created) SELECT ?, ?, ?, ?, ?, ?, ? FROM items WHERE id = ? AND version = ? ON CONFLICT (key) DO NOTHING`,
		append(w.row(), id, version),
	}
}

// commit runs a write as one batch, and reads in the same one what became of it.
func (i Items) commit(ctx context.Context, w *write, claim, effect Statement) (Receipt, error) {
	results, bookmark, err := i.DB.Batch(ctx, "", claim, effect, Statement{
		`SELECT k.hash, k.attempt, k.status, k.version, k.body, (SELECT version FROM items WHERE id = ?2) AS now FROM (SELECT 1) LEFT JOIN keys k ON k.key = ?1`,
		[]any{w.key.Name, w.id},
	})
	if err != nil {
		return Receipt{}, fmt.Errorf("write item: %w", err)
	}
	return w.outcome(results[2][0], bookmark)
}

// outcome tells apart whose row of the key it is.
func (w *write) outcome(row []any, bookmark string) (Receipt, error) {
	hash, attempt := word(row[0]), word(row[1])
	switch {
	case hash == "" && row[5] == nil:
		return Receipt{}, ErrNotFound
	case hash == "":
		return Receipt{Version: number(row[5])}, ErrChanged
	case hash != w.key.Hash:
		return Receipt{}, ErrKeyReused
	}
	return Receipt{
		Status: int(number(row[2])), Version: number(row[3]), Body: []byte(word(row[4])),
		Again: attempt != w.attempt, Bookmark: bookmark,
	}, nil
}

func random() string {
	var b [12]byte
	rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}
