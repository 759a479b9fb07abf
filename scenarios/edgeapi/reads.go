package edgeapi

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// read is a way to get an answer out of D1.
type read func(ctx context.Context, since string) (body any, bookmark string, err error)

func (a *API) get(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	if !isID(id) {
		problem(w, http.StatusNotFound, ErrNotFound.Error())
		return
	}
	a.answer(w, r, itemKey(id), func(ctx context.Context, since string) (any, string, error) {
		item, bookmark, err := a.Items.Get(ctx, since, id)
		return item, bookmark, err
	})
}

func (a *API) list(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	limit, err := strconv.Atoi(first(q.Get("limit"), "25"))
	if err != nil || limit < 1 || limit > MaxPage {
		problem(w, http.StatusBadRequest, "limit must be a number from 1 to "+strconv.Itoa(MaxPage))
		return
	}
	words, after := strings.Join(strings.Fields(q.Get("q")), " "), q.Get("after")
	if err := text("q", words, 0, MaxQuery); err != nil || len(after) > 4*MaxName {
		problem(w, http.StatusBadRequest, "the query is too long or not text")
		return
	}
	// The key holds what is looked at, in one order, and nothing else that was sent.
	key := "items?" + url.Values{"after": {after}, "limit": {strconv.Itoa(limit)}, "q": {words}}.Encode()
	a.answer(w, r, key, func(ctx context.Context, since string) (any, string, error) {
		if q.Has("q") {
			return page(a.Items.Search(ctx, since, words, limit))
		}
		return page(a.Items.List(ctx, since, after, limit))
	})
}

func page(p Page, bookmark string, err error) (any, string, error) { return p, bookmark, err }

func first(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// answer serves a read: from this colo's cache if anybody may see it and nobody
// asked for more, else from D1. Who is known, who brings a bookmark and who says
// no-cache gets an answer of his own, which nobody keeps.
func (a *API) answer(w http.ResponseWriter, r *http.Request, key string, from read) {
	known, answered := a.known(w, r)
	if answered {
		return
	}
	since := r.Header.Get("D1-Bookmark")
	if !isBookmark(since) {
		problem(w, http.StatusBadRequest, "D1-Bookmark was not made here")
		return
	}
	if known || since != "" || strings.Contains(r.Header.Get("Cache-Control"), "no-cache") {
		a.fresh(w, r, known, since, from)
		return
	}
	e, err := a.Cache.Get(r.Context(), key)
	if err != nil { // a cache that is away makes things slow, not wrong
		a.Log.Warn("cache not read", "error", err)
	}
	if now := a.now(); e != nil && now.Before(e.Until) {
		w.Header().Set("Age", strconv.Itoa(int(now.Sub(e.Read).Seconds())))
		a.send(w, r, *e, "hit")
		return
	}
	a.fill(w, r, key, from)
}

// until is how long an answer that was read then may be served.
func (a *API) until(read time.Time) time.Time {
	if a.Early == nil {
		return read.Add(FreshFor)
	}
	return read.Add(FreshFor - a.Early())
}

// fill reads D1 and leaves the answer in the cache, unless a write has purged it
// meanwhile.
func (a *API) fill(w http.ResponseWriter, r *http.Request, key string, from read) {
	generation, began := a.purged.of(key), a.now()
	body, _, err := from(r.Context(), "")
	if err != nil {
		a.failed(w, r, err)
		return
	}
	e, err := entry(body, false, began)
	if err != nil {
		a.failed(w, r, err)
		return
	}
	e.Until = a.until(began)
	a.later(r.Context(), func(ctx context.Context) { a.keep(ctx, key, e, generation) })
	a.send(w, r, e, "fwd=miss; stored")
}

func (a *API) keep(ctx context.Context, key string, e Entry, generation uint64) {
	if a.purged.of(key) != generation {
		return
	}
	err := a.Cache.Put(ctx, key, e)
	if err == nil && a.purged.of(key) != generation { // purged while it was put
		err = a.Cache.Delete(ctx, key)
	}
	if err != nil {
		a.Log.Warn("cache not written", "error", err)
	}
}

func (a *API) later(ctx context.Context, f func(context.Context)) {
	if a.Later == nil {
		f(ctx)
		return
	}
	a.Later(ctx, f)
}

// fresh answers from D1, as new as the bookmark or else as the primary.
func (a *API) fresh(w http.ResponseWriter, r *http.Request, known bool, since string, from read) {
	body, bookmark, err := from(r.Context(), since)
	if err != nil {
		a.failed(w, r, err)
		return
	}
	e, err := entry(body, known, a.now())
	if err != nil {
		a.failed(w, r, err)
		return
	}
	header := w.Header()
	header.Set("D1-Bookmark", bookmark)
	header.Set("Cache-Control", "private, no-store")
	a.send(w, r, e, "fwd=bypass")
}

// entry encodes an answer; costs are for those who are known.
func entry(body any, known bool, read time.Time) (Entry, error) {
	if !known {
		body = withoutCosts(body)
	}
	raw, err := json.Marshal(body)
	if err != nil {
		return Entry{}, err
	}
	e := Entry{Read: read, Body: raw}
	if item, ok := body.(Item); ok {
		e.ETag = etag(item.Version)
	} else {
		sum := sha256.Sum256(raw)
		e.ETag = `"` + hex.EncodeToString(sum[:8]) + `"`
	}
	return e, nil
}

func withoutCosts(body any) any {
	switch b := body.(type) {
	case Item:
		b.Cost = nil
		return b
	case Page:
		items := make([]Item, len(b.Items))
		for i, item := range b.Items {
			item.Cost = nil
			items[i] = item
		}
		b.Items = items
		return b
	}
	return body
}

// send writes an answer, or that it is the one that the client has.
func (a *API) send(w http.ResponseWriter, r *http.Request, e Entry, how string) {
	header := w.Header()
	header.Set("ETag", e.ETag)
	header.Set("Cache-Status", "edgeapi; "+how)
	header.Set("Vary", "Authorization, D1-Bookmark")
	if header.Get("Cache-Control") == "" {
		header.Set("Cache-Control", "public, max-age=0, must-revalidate")
	}
	if r.Header.Get("If-None-Match") == e.ETag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	header.Set("Content-Type", "application/json")
	a.write(w, e.Body)
}

func etag(version int64) string { return `"` + strconv.FormatInt(version, 10) + `"` }

func itemKey(id string) string { return "items/" + id }

// isID knows what random makes.
func isID(s string) bool {
	raw, err := hex.DecodeString(s)
	return err == nil && len(raw) == 12
}

// isBookmark knows no more of a bookmark than that it is short and plain.
func isBookmark(s string) bool {
	return len(s) <= 200 && !strings.ContainsFunc(s, func(r rune) bool {
		return !(r == '-' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z')
	})
}
