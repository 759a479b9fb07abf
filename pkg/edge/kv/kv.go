// Package kv reads and writes Workers KV: read in every data centre, written
// seldom, and seen everywhere up to a minute later.
package kv

import (
	"context"
	"fmt"
	"time"

	"github.com/provingground/provingground/pkg/edge/internal/host"
)

// Namespace is a binding, by the name that wrangler.jsonc gives it.
type Namespace struct{ Binding string }

// Get returns the value of a key, or nil if there is none. The data centre may
// answer out of its memory for so long as cacheFor says; 0 is the platform's
// default, a minute.
func (n Namespace) Get(ctx context.Context, key string, cacheFor time.Duration) ([]byte, error) {
	v, err := host.Call(ctx, "kv.get", n.Binding, key, int64(cacheFor/time.Second))
	if err != nil || v == nil {
		return nil, err
	}
	parts, ok := v.([]any)
	if !ok || len(parts) == 0 {
		return nil, fmt.Errorf("kv: the host answered %v instead of a value", v)
	}
	value, _ := parts[0].([]byte)
	return value, nil
}

// Put writes the value of a key.
func (n Namespace) Put(ctx context.Context, key string, value []byte) error {
	_, err := host.Call(ctx, "kv.put", n.Binding, key, value, nil, nil)
	return err
}
