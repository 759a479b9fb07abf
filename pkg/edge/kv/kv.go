// Package kv reads and writes Workers KV: read in every data centre, written
// seldom, and seen everywhere up to a minute later. Of two writes of one key the
// last one wins; a key takes one write a second.
package kv

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/provingground/provingground/pkg/edge/internal/host"
)

// Namespace is a binding, by the name that wrangler.jsonc gives it.
type Namespace struct{ Binding string }

// Value is what a key holds: 25 MiB at most, with 1 KiB of JSON beside it.
type Value struct {
	Data     []byte
	Metadata json.RawMessage // nil: none
}

// Get returns the value of a key, or nil if there is none. The data centre may
// answer out of its memory for so long as cacheFor says, 30 s at least; 0 is the
// platform's default, a minute.
func (n Namespace) Get(ctx context.Context, key string, cacheFor time.Duration) ([]byte, error) {
	v, err := n.Read(ctx, key, cacheFor)
	if err != nil || v == nil {
		return nil, err
	}
	return v.Data, nil
}

// Read is Get with what was written beside the value.
func (n Namespace) Read(ctx context.Context, key string, cacheFor time.Duration) (*Value, error) {
	v, err := host.Call(ctx, "kv.get", n.Binding, key, int64(cacheFor/time.Second))
	if err != nil || v == nil {
		return nil, err
	}
	parts, ok := v.([]any)
	if !ok || len(parts) != 2 {
		return nil, fmt.Errorf("kv: the host answered %v instead of a value", v)
	}
	value := &Value{}
	value.Data, _ = parts[0].([]byte)
	if text, ok := parts[1].(string); ok {
		value.Metadata = json.RawMessage(text)
	}
	return value, nil
}

// Put writes the value of a key.
func (n Namespace) Put(ctx context.Context, key string, value []byte) error {
	return n.Write(ctx, key, Value{Data: value}, 0)
}

// Write is Put with something beside the value, forgotten after a time: 60 s at
// least, 0 is never.
func (n Namespace) Write(ctx context.Context, key string, v Value, forget time.Duration) error {
	options := map[string]any{}
	if forget > 0 {
		options["expirationTtl"] = int64(forget / time.Second)
	}
	data := v.Data
	if data == nil {
		data = []byte{}
	}
	var metadata any
	if v.Metadata != nil {
		metadata = string(v.Metadata)
	}
	_, err := host.Call(ctx, "kv.put", n.Binding, key, data, options, metadata)
	return err
}

// Delete forgets a key. Elsewhere it may be read for a minute more.
func (n Namespace) Delete(ctx context.Context, key string) error {
	_, err := host.Call(ctx, "kv.delete", n.Binding, key)
	return err
}

// Key is one of a list.
type Key struct {
	Name     string
	Metadata json.RawMessage // nil: none
}

// List returns up to 1,000 keys that begin with prefix, in their order, and what to
// ask for the next ones with: empty at the end.
func (n Namespace) List(ctx context.Context, prefix, cursor string) (all []Key, next string, err error) {
	options := map[string]any{"prefix": prefix}
	if cursor != "" {
		options["cursor"] = cursor
	}
	v, err := host.Call(ctx, "kv.list", n.Binding, options)
	if err != nil {
		return nil, "", err
	}
	parts, _ := v.([]any)
	if len(parts) != 2 {
		return nil, "", fmt.Errorf("kv: the host answered %v instead of a list", v)
	}
	list, _ := parts[0].([]any)
	for _, each := range list {
		all = append(all, keyOf(each))
	}
	next, _ = parts[1].(string)
	return all, next, nil
}

// keyOf reads [name, metadata].
func keyOf(v any) (k Key) {
	parts, _ := v.([]any)
	if len(parts) != 2 {
		return k
	}
	k.Name, _ = parts[0].(string)
	if text, ok := parts[1].(string); ok {
		k.Metadata = json.RawMessage(text)
	}
	return k
}
