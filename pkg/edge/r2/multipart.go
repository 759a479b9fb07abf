package r2

import (
	"context"
	"io"

	"github.com/provingground/provingground/pkg/edge/internal/host"
)

// MinPart is the least size of each part but the last; all but the last have the
// same size, and there are 10,000 at most.
const MinPart = 5 << 20

// Upload is an object that arrives in parts, also in several requests. One that is
// neither completed nor aborted is dropped after seven days.
type Upload struct {
	bucket  Bucket
	Key, ID string
}

// Part is one that has arrived.
type Part struct {
	Number int // from 1
	ETag   string
}

// NewUpload begins one. Of the options, conditions and checksum do not apply.
func (b Bucket) NewUpload(ctx context.Context, key string, o Options) (*Upload, error) {
	v, err := host.Call(ctx, "r2.upload", b.Binding, key, Options{ContentType: o.ContentType, Custom: o.Custom}.value())
	if err != nil {
		return nil, err
	}
	return &Upload{b, key, text(v)}, nil
}

// Upload goes on with one that began earlier. Whether there is such a one shows with
// its next part.
func (b Bucket) Upload(key, id string) *Upload { return &Upload{b, key, id} }

// Put writes a part, or replaces it.
func (u *Upload) Put(ctx context.Context, number int, r io.Reader, size int64) (Part, error) {
	v, err := send(ctx, r, size, func(ctx context.Context, content any) (any, error) {
		return host.Call(ctx, "r2.part", u.bucket.Binding, u.Key, u.ID, number, content)
	})
	return Part{number, text(v)}, err
}

// Complete makes the object of its parts.
func (u *Upload) Complete(ctx context.Context, parts ...Part) (*Info, error) {
	list := make([]any, len(parts))
	for i, p := range parts {
		list[i] = []any{p.Number, p.ETag}
	}
	v, err := host.Call(ctx, "r2.complete", u.bucket.Binding, u.Key, u.ID, list)
	if err != nil {
		return nil, err
	}
	return info(v), nil
}

// Abort drops the parts.
func (u *Upload) Abort(ctx context.Context) error {
	_, err := host.Call(ctx, "r2.abort", u.bucket.Binding, u.Key, u.ID)
	return err
}
