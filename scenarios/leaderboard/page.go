package leaderboard

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
)

// page is one page of an edition, encoded once and sent as it is.
type page struct {
	entries       []Entry
	plain, zipped variant
}

// variant is a representation with its own ETag, as HTTP wants it.
type variant struct {
	body, etag []byte
}

// Page is the body of GET /api/pages/{n}. The sequence is a header instead: in
// the body it would give every page a new ETag with every improvement anywhere.
type Page struct {
	Page    int     `json:"page"`
	Pages   int     `json:"pages"`
	Stale   bool    `json:"stale"`
	Entries []Entry `json:"entries"`
}

// encode makes the pages, and keeps those of an old edition that say the same.
func (e *edition) encode(old *edition) {
	for i := range e.pages {
		first := min(i*PageSize, len(e.entries))
		entries := e.entries[first:min(first+PageSize, len(e.entries))]
		if old != nil && old.stale == e.stale && slices.Equal(old.pages[i].entries, entries) {
			e.pages[i] = old.pages[i]
			continue
		}
		e.pages[i] = newPage(Page{Page: i + 1, Pages: Pages, Stale: e.stale, Entries: entries})
	}
}

// newPage encodes a page. The ETag follows from the body alone, so that every
// process gives the same one.
func newPage(p Page) *page {
	body, err := json.Marshal(p)
	if err != nil { // strings and whole numbers: it cannot fail
		body = []byte("{}")
	}
	sum := sha256.Sum256(body)
	tag := hex.EncodeToString(sum[:8])
	return &page{
		entries: p.Entries,
		plain:   variant{body: body, etag: []byte(`"` + tag + `"`)},
		zipped:  variant{body: compress(body), etag: []byte(`"` + tag + `-gzip"`)},
	}
}

func compress(body []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write(body) // into memory: neither can fail
	w.Close()
	return b.Bytes()
}
