// Package r2 stores objects in Cloudflare R2 and reads them, as streams in both
// directions: a request's body that is put, and an object that is answered, never
// enter this program.
//
// A write is seen by every read after it. Writes of one key at once are settled by
// the last; a Put with a condition tells whether it came in time.
package r2

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/provingground/provingground/pkg/edge/internal/host"
	"github.com/provingground/provingground/pkg/edge/internal/web"
)

// ErrCondition says that a Put's condition did not hold; nothing was written.
var ErrCondition = errors.New("r2: the object is not as the condition wants it")

// Bucket is a binding, by the name that wrangler.jsonc gives it.
type Bucket struct{ Binding string }

// Info is what is known of an object.
type Info struct {
	Key, Version string
	Size         int64  // of the whole object, in bytes
	ETag         string // without quotes
	Uploaded     time.Time
	ContentType  string
	Custom       map[string]string
	SHA256       []byte // where one was given with Put
}

// Object is one with its content. Body must be closed, or passed on whole.
type Object struct {
	Info
	Body io.ReadCloser
}

// Options say more about an object that is put.
type Options struct {
	ContentType string
	Custom      map[string]string // 2 KiB at most
	SHA256      []byte            // the platform refuses other content
	IfMatch     string            // the ETag that the object must have now
	IfAbsent    bool              // there must be none yet
}

func (o Options) value() map[string]any {
	v := map[string]any{}
	if o.ContentType != "" {
		v["httpMetadata"] = map[string]any{"contentType": o.ContentType}
	}
	if len(o.Custom) > 0 {
		custom := map[string]any{}
		for name, value := range o.Custom {
			custom[name] = value
		}
		v["customMetadata"] = custom
	}
	if o.SHA256 != nil {
		v["sha256"] = hex.EncodeToString(o.SHA256)
	}
	switch {
	case o.IfAbsent:
		v["onlyIf"] = map[string]any{"etagDoesNotMatch": "*"}
	case o.IfMatch != "":
		v["onlyIf"] = map[string]any{"etagMatches": o.IfMatch}
	}
	return v
}

// Put writes size bytes of r under a key, as a whole or not at all: 5 GiB at most,
// and a reader that ends early or late is an error. When ctx ends first, it may
// still be carried out.
func (b Bucket) Put(ctx context.Context, key string, r io.Reader, size int64, o Options) (*Info, error) {
	v, err := send(ctx, r, size, func(ctx context.Context, content any) (any, error) {
		return host.Call(ctx, "r2.put", b.Binding, key, content, o.value())
	})
	if err != nil {
		return nil, err
	}
	if v == nil {
		return nil, ErrCondition
	}
	return info(v), nil
}

// send gives an operation its content: a stream of the host as it is, anything else
// through a stream of exactly size bytes.
func send(ctx context.Context, r io.Reader, size int64, op func(ctx context.Context, content any) (any, error)) (any, error) {
	if size < 0 {
		return nil, errors.New("r2: the size of what is put must be known before")
	}
	if size == 0 {
		return op(ctx, []byte{})
	}
	if handle, known, ok := web.Passable(r); ok {
		if known == size {
			return op(ctx, handle)
		}
		return nil, fmt.Errorf("r2: a stream of %d bytes is put as %d", known, size)
	}
	pipe, err := web.NewPipe(ctx, size)
	if err != nil {
		return nil, err
	}
	copied := make(chan error, 1)
	go func() { copied <- fill(pipe, r, size) }()
	v, err := op(ctx, pipe.Handle())
	if err != nil {
		pipe.Abort(err) // so that a writer that still waits ends
	}
	if why := <-copied; why != nil && err != nil {
		return nil, fmt.Errorf("%w: %w", err, why)
	}
	return v, err
}

// fill writes a reader into the pipe. It must end where it was said to end.
func fill(pipe *web.Pipe, r io.Reader, size int64) error {
	n, err := io.CopyBuffer(struct{ io.Writer }{pipe}, io.LimitReader(r, size+1), make([]byte, 128<<10))
	if err == nil && n != size {
		err = fmt.Errorf("r2: the reader has %d bytes instead of %d", n, size)
	}
	if err == nil {
		err = pipe.Close()
	}
	if err != nil {
		pipe.Abort(err)
	}
	return err
}

// Range is a part of an object: Length bytes from Offset on, 0 for the rest.
type Range struct{ Offset, Length int64 }

// Get returns an object, or a part of it, or nil if there is none. The zero Range is
// all of it.
func (b Bucket) Get(ctx context.Context, key string, part Range) (*Object, error) {
	options := map[string]any{}
	if part != (Range{}) {
		options["range"] = part.value()
	}
	v, err := host.Call(ctx, "r2.get", b.Binding, key, options)
	if err != nil || v == nil {
		return nil, err
	}
	o := &Object{Info: *info(v)}
	handle, ok := field(v, "body").(int64)
	if !ok {
		return nil, fmt.Errorf("r2: %s came without its content", key)
	}
	o.Body = web.NewBody(ctx, int(handle), part.of(o.Size))
	return o, nil
}

func (r Range) value() map[string]any {
	v := map[string]any{"offset": r.Offset}
	if r.Length > 0 {
		v["length"] = r.Length
	}
	return v
}

// of is how much of size bytes the part has.
func (r Range) of(size int64) int64 {
	rest := max(0, size-r.Offset)
	if r.Length > 0 {
		return min(r.Length, rest)
	}
	return rest
}

// Head returns what is known of an object, or nil if there is none.
func (b Bucket) Head(ctx context.Context, key string) (*Info, error) {
	v, err := host.Call(ctx, "r2.head", b.Binding, key)
	if err != nil || v == nil {
		return nil, err
	}
	return info(v), nil
}

// Delete removes objects, 1,000 at most; those that are not there are no error.
func (b Bucket) Delete(ctx context.Context, keys ...string) error {
	_, err := host.Call(ctx, "r2.delete", b.Binding, keys)
	return err
}

// List returns up to 1,000 objects whose keys begin with prefix, in the order of
// keys, and what to ask for the next ones with: empty at the end.
func (b Bucket) List(ctx context.Context, prefix, cursor string) (all []Info, next string, err error) {
	options := map[string]any{"prefix": prefix}
	if cursor != "" {
		options["cursor"] = cursor
	}
	v, err := host.Call(ctx, "r2.list", b.Binding, options)
	if err != nil {
		return nil, "", err
	}
	parts, _ := v.([]any)
	if len(parts) != 2 {
		return nil, "", fmt.Errorf("r2: the host answered %v instead of a list", v)
	}
	list, _ := parts[0].([]any)
	for _, each := range list {
		all = append(all, *info(each))
	}
	next, _ = parts[1].(string)
	return all, next, nil
}

func field(v any, name string) any {
	m, _ := v.(map[string]any)
	return m[name]
}

func text(v any) string {
	s, _ := v.(string)
	return s
}

func info(v any) *Info {
	i := &Info{
		Key: text(field(v, "key")), Version: text(field(v, "version")), ETag: text(field(v, "etag")),
		ContentType: text(field(field(v, "http"), "contentType")), Custom: map[string]string{},
	}
	i.Size, _ = field(v, "size").(int64)
	if ms, ok := field(v, "uploaded").(int64); ok {
		i.Uploaded = time.UnixMilli(ms)
	}
	custom, _ := field(v, "custom").(map[string]any)
	for name, value := range custom {
		i.Custom[name] = text(value)
	}
	i.SHA256, _ = field(v, "sha256").([]byte)
	return i
}
