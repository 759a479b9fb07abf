//go:build unix

// Command bench resizes a 12-megapixel photo to three sizes with what imageresize
// uses, with golang.org/x/image/draw, and with libvips, one thread each, in turns:
//
//	go run ./loadtest/drivers/imageresize/bench [-rounds N]
//
// It prints megapixels per second of processor time. libvips-tools is taken from
// the machine, or unpacked into .local from the distribution's package.
package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"image/jpeg"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/provingground/provingground/deploy/local/server"
	"github.com/provingground/provingground/pkg/imagehall"
)

func main() {
	runtime.GOMAXPROCS(1)
	rounds := flag.Int("rounds", 5, "times that each is measured")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, *rounds, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

const (
	width, height = 4000, 3000
	megapixels    = width * height / 1e6
)

// contender is one way to make the sizes, and the processor time of each round.
type contender struct {
	name string
	make func(ctx context.Context) (time.Duration, error)
	took []time.Duration
}

func run(ctx context.Context, rounds int, out io.Writer) error {
	dir, err := os.MkdirTemp("", "bench-imageresize-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	photo, err := newPhoto(dir)
	if err != nil {
		return err
	}
	all, err := contenders(ctx, photo, out)
	if err != nil {
		return err
	}
	for range rounds {
		for _, c := range all {
			took, err := c.make(ctx)
			if err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
			c.took = append(c.took, took)
		}
	}
	return show(all, photo, rounds, out)
}

// photo is the picture, in memory and as a file.
type photo struct {
	dir, file string
	data      []byte
}

func newPhoto(dir string) (photo, error) {
	var data bytes.Buffer
	if err := jpeg.Encode(&data, imagehall.Scenery(width, height, 1), &jpeg.Options{Quality: 90}); err != nil {
		return photo{}, err
	}
	p := photo{dir: dir, file: filepath.Join(dir, "photo.jpg"), data: data.Bytes()}
	return p, os.WriteFile(p.file, p.data, 0o600)
}

func contenders(ctx context.Context, p photo, out io.Writer) ([]*contender, error) {
	all := []*contender{
		{name: "pkg/rendition, three sizes, linear light", make: p.rendition},
		{name: "image/jpeg and x/image/draw CatmullRom, three sizes", make: p.draw},
	}
	cloud, err := server.Open(ctx, server.Options{Out: out})
	if err != nil {
		return nil, err
	}
	vips, err := newVips(ctx, cloud, p)
	if err != nil {
		return nil, err
	}
	return append(all,
		&contender{name: "libvips, three sizes", make: vips.resize},
		&contender{name: "libvips, three sizes, linear light", make: vips.linear},
		&contender{name: "libvips, three sizes, shrink-on-load", make: vips.thumbnail},
	), nil
}

func (c *contender) median() time.Duration {
	sorted := slices.Sorted(slices.Values(c.took))
	return sorted[len(sorted)/2]
}

func show(all []*contender, p photo, rounds int, out io.Writer) error {
	fmt.Fprintf(out, "%d by %d pixels, %.1f MB, to 1600, 640 and 200 pixels; one thread, median processor time of %d rounds\n\n", width, height, float64(len(p.data))/1e6, rounds)
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "\tms\tmegapixels/s\trendition is")
	ours := all[0].median()
	for _, c := range all {
		took := c.median()
		fmt.Fprintf(table, "%s\t%.0f\t%.1f\t%.2f ×\n", c.name, took.Seconds()*1e3, megapixels/took.Seconds(), took.Seconds()/ours.Seconds())
	}
	return table.Flush()
}
