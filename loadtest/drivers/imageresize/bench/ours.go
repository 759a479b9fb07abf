//go:build unix

package main

import (
	"bytes"
	"context"
	"image"
	"image/jpeg"
	"syscall"
	"time"

	"golang.org/x/image/draw"

	"github.com/provingground/provingground/pkg/rendition"
)

// quality is that of package rendition.
const quality = 82

func (p photo) rendition(ctx context.Context) (time.Duration, error) {
	before := processorTime()
	_, err := rendition.Make(ctx, p.data, rendition.Limits{},
		rendition.Size{Name: "large", Side: 1600}, rendition.Size{Name: "medium", Side: 640}, rendition.Size{Name: "small", Side: 200})
	return processorTime() - before, err
}

// draw is what one would write without looking further: no linear light.
func (p photo) draw(context.Context) (time.Duration, error) {
	before := processorTime()
	from, err := jpeg.Decode(bytes.NewReader(p.data))
	if err != nil {
		return 0, err
	}
	for _, w := range []int{1600, 640, 200} {
		to := image.NewRGBA(image.Rect(0, 0, w, w*height/width))
		draw.CatmullRom.Scale(to, to.Rect, from, from.Bounds(), draw.Src, nil)
		if err := jpeg.Encode(&bytes.Buffer{}, to, &jpeg.Options{Quality: quality}); err != nil {
			return 0, err
		}
		from = to
	}
	return processorTime() - before, nil
}

// processorTime is user and system time of this process, garbage collection included.
func processorTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0 // it has no way to fail for a process that asks about itself
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
