package edgeapi

import (
	"context"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/provingground/provingground/pkg/edge/cache"
)

// Colo is the cache of the data centre that the Worker runs in.
type Colo struct{ Name string }

// Headers of a cached answer: when D1 was read, and until when it may be served.
const (
	readAt     = "Edgeapi-Read"
	servedTill = "Edgeapi-Until"
)

// Get implements Cache.
func (c Colo) Get(ctx context.Context, key string) (*Entry, error) {
	resp, err := cache.Cache(c).Match(ctx, cacheURL(key))
	if err != nil || resp == nil {
		return nil, err
	}
	defer resp.Body.Close()
	read, err := moment(resp.Header.Get(readAt))
	if err != nil {
		return nil, err
	}
	until, err := moment(resp.Header.Get(servedTill))
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	return &Entry{ETag: resp.Header.Get("ETag"), Read: read, Until: until, Body: body}, nil
}

func moment(ms string) (time.Time, error) {
	n, err := strconv.ParseInt(ms, 10, 64)
	return time.UnixMilli(n), err
}

// Put implements Cache. The platform keeps it for as long as s-maxage says; the
// age is compared again when it is read.
func (c Colo) Put(ctx context.Context, key string, e Entry) error {
	return cache.Cache(c).Put(ctx, cacheURL(key), http.Header{
		"Cache-Control": {"s-maxage=" + strconv.Itoa(int(FreshFor/time.Second))},
		"Content-Type":  {"application/json"},
		"Etag":          {e.ETag},
		readAt:          {strconv.FormatInt(e.Read.UnixMilli(), 10)},
		servedTill:      {strconv.FormatInt(e.Until.UnixMilli(), 10)},
	}, e.Body)
}

// Delete implements Cache.
func (c Colo) Delete(ctx context.Context, key string) error {
	return cache.Cache(c).Delete(ctx, cacheURL(key))
}

// cacheURL is no address that anybody can ask for. Keys are made by url.Values and
// of hex digits.
func cacheURL(key string) string { return "https://cache.edgeapi/" + key }
