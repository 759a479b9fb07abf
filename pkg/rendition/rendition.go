// Package rendition makes smaller copies of an image that nobody can be trusted
// to have sent in good faith.
//
// It looks before it decodes: size, pixels, frames, scans and memory have limits
// that are checked on the header alone. What passes is decoded once and reduced
// in linear light; its orientation is applied, its colours are converted to sRGB,
// and nothing of its metadata survives: the copies are encoded anew.
//
// JPEG, PNG, GIF (first frame) and WebP are known, by their first bytes and never
// by a name or a declared type. Colour profiles made of a matrix and curves are
// converted; those made of tables, which includes all of CMYK, are refused.
package rendition

import (
	"context"
	"fmt"
	"image"
	"io"
)

// Limits bound what one image may cost. The zero value of a field takes its
// default.
type Limits struct {
	Bytes  int64 // of the file; default 20 MiB
	Side   int   // pixels of the longer side; default 16,384
	Pixels int64 // of one frame; default 50 million
	Frames int   // of an animation, of which the first is taken; default 500
	Scans  int   // of a progressive JPEG, each of which goes over all of it; default 50
	Memory int64 // estimated for decoding; default 512 MiB
}

func (l Limits) withDefaults() Limits {
	set := func(field *int64, otherwise int64) {
		if *field <= 0 {
			*field = otherwise
		}
	}
	side, frames, scans := int64(l.Side), int64(l.Frames), int64(l.Scans)
	set(&l.Bytes, 20<<20)
	set(&side, 16_384)
	set(&l.Pixels, 50_000_000)
	set(&frames, 500)
	set(&scans, 50)
	set(&l.Memory, 512<<20)
	l.Side, l.Frames, l.Scans = int(side), int(frames), int(scans)
	return l
}

// A Size asks for one copy.
type Size struct {
	Name string
	Side int // pixels of the longer side, upright; a smaller image keeps its own
}

// A Rendition is one copy: JPEG, or PNG where the image has transparent parts.
type Rendition struct {
	Name          string
	ContentType   string
	Width, Height int
	Data          []byte
}

// Make returns a copy for each size, from one decoding. An error is a [*Refusal],
// and then no repetition mends it, or that of ctx.
func Make(ctx context.Context, data []byte, l Limits, sizes ...Size) (made []Rendition, err error) {
	info, err := Inspect(data, l)
	if err != nil {
		return nil, err
	}
	defer func() {
		// Decoders are fuzzed, and yet: what makes one panic is no image.
		if p := recover(); p != nil {
			made, err = nil, refusef(Corrupt, "the decoder panicked: %v", p)
		}
	}()
	img, err := info.decode(&reader{ended: ctx.Err, data: data})
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if err != nil {
		return nil, err
	}
	return makeAll(ctx, info, img, sizes)
}

// makeAll makes the largest copy of the image, and each other of the next larger.
func makeAll(ctx context.Context, info Info, img image.Image, sizes []Size) ([]Rendition, error) {
	made := make([]Rendition, len(sizes))
	var from *linear
	for _, i := range largestFirst(sizes) {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if from == nil {
			src, err := newSource(img, info)
			if err != nil {
				return nil, err
			}
			w, h := fit(info.Width, info.Height, sizes[i].Side)
			from = reduce(src, w, h).oriented(info.Orientation)
		} else if w, h := fit(from.w, from.h, sizes[i].Side); w != from.w {
			from = reduce(from, w, h)
		}
		kind, data, err := from.encode()
		if err != nil {
			return nil, fmt.Errorf("rendition: encode %s: %w", sizes[i].Name, err)
		}
		made[i] = Rendition{Name: sizes[i].Name, ContentType: kind, Width: from.w, Height: from.h, Data: data}
	}
	return made, nil
}

func largestFirst(sizes []Size) []int {
	order := make([]int, len(sizes))
	for i := range order {
		order[i] = i
		for j := i; j > 0 && sizes[order[j]].Side > sizes[order[j-1]].Side; j-- {
			order[j], order[j-1] = order[j-1], order[j]
		}
	}
	return order
}

// fit returns the size with the longer side at most side, in the same shape.
func fit(w, h, side int) (int, int) {
	long := max(w, h)
	if long <= side {
		return w, h
	}
	scale := func(n int) int { return max(1, int((int64(n)*int64(side)+int64(long)/2)/int64(long))) }
	return scale(w), scale(h)
}

// reader gives a decoder its bytes until the caller's context ends: decoders know
// of no context, and read as they go.
type reader struct {
	ended func() error
	data  []byte
	at    int
}

// Read implements io.Reader.
func (r *reader) Read(p []byte) (int, error) {
	if err := r.ended(); err != nil {
		return 0, err
	}
	if r.at == len(r.data) {
		return 0, io.EOF
	}
	const most = 64 << 10 // so that the context is looked at now and then
	n := copy(p[:min(len(p), most)], r.data[r.at:])
	r.at += n
	return n, nil
}
