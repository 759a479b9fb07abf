// Package cache is the Cache API: what the data centre that a Worker runs in
// remembers. No other one sees it.
package cache

import (
	"context"
	"net/http"

	"github.com/provingground/provingground/pkg/edge/internal/host"
	"github.com/provingground/provingground/pkg/edge/internal/web"
)

// Cache is one of a data centre, by its name; empty is the default one.
type Cache struct{ Name string }

// Match returns what was put under the address, or nil.
func (c Cache) Match(ctx context.Context, address string) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	return web.Call(r, "cache.match", c.Name)
}

// Put keeps an answer of 200 for as long as its Cache-Control says, or less.
func (c Cache) Put(ctx context.Context, address string, header http.Header, body []byte) error {
	_, err := host.Call(ctx, "cache.put", c.Name, address, []any{http.StatusOK, web.Pairs(header), body})
	return err
}

// Delete forgets what was put under the address.
func (c Cache) Delete(ctx context.Context, address string) error {
	_, err := host.Call(ctx, "cache.delete", c.Name, address)
	return err
}
