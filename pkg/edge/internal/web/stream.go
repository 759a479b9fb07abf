package web

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/provingground/provingground/pkg/edge/internal/host"
)

// Body reads a stream of the host. Where it is passed on unread (to a response,
// to R2), the bytes never enter this program.
type Body struct {
	ctx    context.Context
	handle int
	size   int64 // -1: unknown
	rest   []byte
	used   bool
	err    error
}

// NewBody reads the stream that handle names, of size bytes or -1.
func NewBody(ctx context.Context, handle int, size int64) *Body {
	return &Body{ctx: ctx, handle: handle, size: size}
}

// Read reads from the stream; each chunk is one call to the host, and so is all of
// a request's body that is known to be small.
func (b *Body) Read(p []byte) (int, error) {
	op, end := "stream.read", error(nil)
	if b.handle == 0 && !b.used && 0 < b.size && b.size <= maxBuffer {
		op, end = "request.whole", io.EOF
	}
	b.used = true
	for len(b.rest) == 0 {
		if b.err != nil {
			return 0, b.err
		}
		v, err := host.Call(b.ctx, op, b.handle)
		if err != nil {
			b.err = err
			continue
		}
		chunk, ok := v.([]byte)
		if !ok {
			end = io.EOF
		}
		b.rest, b.err = chunk, end
	}
	n := copy(p, b.rest)
	b.rest = b.rest[n:]
	return n, nil
}

// Close tells the host that the rest is not wanted.
func (b *Body) Close() error {
	if b.err != nil {
		return nil
	}
	b.err = errors.New("edge: read of a closed body")
	if !b.used {
		return nil // the host drops what nobody asked for
	}
	_, err := host.Call(b.ctx, "stream.cancel", b.handle)
	return err
}

// Pass hands over the stream as a whole, once, if nothing of it was read.
func (b *Body) Pass() (handle int, size int64, ok bool) {
	if b.used || b.err != nil {
		return 0, 0, false
	}
	b.used = true
	b.err = errors.New("edge: read of a body that was passed on")
	return b.handle, b.size, true
}

// Passable returns the stream behind r if it can be handed over unread.
func Passable(r io.Reader) (handle int, size int64, ok bool) {
	b, ok := r.(interface {
		Pass() (handle int, size int64, ok bool)
	})
	if !ok {
		return 0, 0, false
	}
	return b.Pass()
}

// Pipe is a stream that Go writes and the host reads.
type Pipe struct {
	ctx    context.Context
	reader int
	writer int
}

// NewPipe makes one for size bytes, or -1 for as many as come.
func NewPipe(ctx context.Context, size int64) (*Pipe, error) {
	v, err := host.Sync(ctx, "stream.new", size)
	if err != nil {
		return nil, err
	}
	pair, ok := v.([]any)
	if !ok || len(pair) != 2 {
		return nil, fmt.Errorf("edge: stream.new returned %v", v)
	}
	return &Pipe{ctx: ctx, reader: Int(pair[0]), writer: Int(pair[1])}, nil
}

// Handle names the reading end.
func (p *Pipe) Handle() int { return p.reader }

// Write waits until the reader took b, and fails once the reader went away.
func (p *Pipe) Write(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	if _, err := host.Call(p.ctx, "stream.write", p.writer, b); err != nil {
		return 0, err
	}
	return len(b), nil
}

// Close ends the stream.
func (p *Pipe) Close() error {
	_, err := host.Call(p.ctx, "stream.close", p.writer)
	return err
}

// Abort breaks the stream, so that the reader does not take it for complete.
func (p *Pipe) Abort(why error) {
	_, _ = host.Call(context.WithoutCancel(p.ctx), "stream.abort", p.writer, why.Error())
}

// Int returns a number from the host, 0 for anything else.
func Int(v any) int {
	n, _ := v.(int64)
	return int(n)
}
