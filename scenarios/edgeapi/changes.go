package edgeapi

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
)

func (a *API) create(w http.ResponseWriter, r *http.Request) {
	a.change(w, r, true, func(key Key, d Draft) (Receipt, error) {
		return a.Items.Create(r.Context(), key, d, a.now())
	})
}

func (a *API) update(w http.ResponseWriter, r *http.Request) {
	version, ok := condition(w, r)
	if !ok {
		return
	}
	a.change(w, r, true, func(key Key, d Draft) (Receipt, error) {
		return a.Items.Update(r.Context(), key, r.PathValue("id"), version, d, a.now())
	})
}

func (a *API) remove(w http.ResponseWriter, r *http.Request) {
	version, ok := condition(w, r)
	if !ok {
		return
	}
	a.change(w, r, false, func(key Key, _ Draft) (Receipt, error) {
		return a.Items.Delete(r.Context(), key, r.PathValue("id"), version, a.now())
	})
}

// condition returns the version that the client has seen. A write without one
// could overwrite what its writer never saw.
func condition(w http.ResponseWriter, r *http.Request) (version int64, ok bool) {
	if !isID(r.PathValue("id")) {
		problem(w, http.StatusNotFound, ErrNotFound.Error())
		return 0, false
	}
	given := r.Header.Get("If-Match")
	if given == "" {
		problem(w, http.StatusPreconditionRequired, "send the ETag that you have seen as If-Match")
		return 0, false
	}
	version, err := strconv.ParseInt(strings.Trim(given, `"`), 10, 64)
	if err != nil || given != etag(version) {
		problem(w, http.StatusPreconditionFailed, "If-Match is not an ETag of an item")
		return 0, false
	}
	return version, true
}

// change carries out a write and takes the item out of this colo's cache before
// it answers.
func (a *API) change(w http.ResponseWriter, r *http.Request, hasBody bool, do func(Key, Draft) (Receipt, error)) {
	known, answered := a.known(w, r)
	if answered {
		return
	}
	if !known {
		a.unknown(w)
		return
	}
	key, d, err := request(w, r, hasBody)
	if err != nil {
		a.failed(w, r, err)
		return
	}
	receipt, err := do(key, d)
	if errors.Is(err, ErrChanged) {
		w.Header().Set("ETag", etag(receipt.Version))
	}
	if err != nil {
		a.wrote(w, r, err)
		return
	}
	a.acknowledge(w, r, receipt)
}

// acknowledge answers with what the write did, also if that was long ago.
func (a *API) acknowledge(w http.ResponseWriter, r *http.Request, receipt Receipt) {
	header := w.Header()
	header.Set("Cache-Control", "private, no-store")
	header.Set("D1-Bookmark", receipt.Bookmark)
	if receipt.Again {
		header.Set("Idempotency-Replayed", "true")
	}
	id := r.PathValue("id")
	if receipt.Status == http.StatusCreated {
		var made struct{ ID string }
		if err := json.Unmarshal(receipt.Body, &made); err != nil {
			a.wrote(w, r, err)
			return
		}
		header.Set("Location", "/api/items/"+made.ID)
		id = made.ID
	}
	a.purge(r, id)
	if len(receipt.Body) == 0 {
		w.WriteHeader(receipt.Status)
		return
	}
	header.Set("ETag", etag(receipt.Version))
	header.Set("Content-Type", "application/json")
	w.WriteHeader(receipt.Status)
	a.write(w, receipt.Body)
}

// purge makes this colo forget the item. Where that fails, and in other colos, it
// is served for FreshFor at most.
func (a *API) purge(r *http.Request, id string) {
	key := itemKey(id)
	a.purged.next(key)
	if err := a.Cache.Delete(r.Context(), key); err != nil {
		a.Log.Warn("cache not purged", "error", err)
	}
}

// request reads what is asked for, within its limits.
func request(w http.ResponseWriter, r *http.Request, hasBody bool) (Key, Draft, error) {
	name := r.Header.Get("Idempotency-Key")
	if name == "" {
		return Key{}, Draft{}, &Invalid{"a write needs an Idempotency-Key"}
	}
	if err := text("Idempotency-Key", name, 1, MaxKey); err != nil {
		return Key{}, Draft{}, err
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxBody))
	if _, large := errors.AsType[*http.MaxBytesError](err); err != nil && !large {
		err = &Invalid{"the body could not be read"}
	}
	if err != nil {
		return Key{}, Draft{}, err
	}
	key := Key{Name: name, Hash: fingerprint(r, body)}
	if !hasBody {
		return key, Draft{}, nil
	}
	d, err := draft(r, body)
	return key, d, err
}

func draft(r *http.Request, body []byte) (Draft, error) {
	if kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";"); kind != "application/json" {
		return Draft{}, errMediaType
	}
	var d Draft
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&d); err != nil {
		return Draft{}, &Invalid{"the body is not what an item looks like: " + err.Error()}
	}
	if dec.More() {
		return Draft{}, &Invalid{"there is something behind the item"}
	}
	return d, d.validate()
}

// fingerprint tells one request from another with the same key.
func fingerprint(r *http.Request, body []byte) string {
	h := sha256.New()
	fmt.Fprintf(h, "%s\n%s\n%s\n", r.Method, r.URL.Path, r.Header.Get("If-Match"))
	h.Write(body)
	return hex.EncodeToString(h.Sum(nil)[:16])
}
