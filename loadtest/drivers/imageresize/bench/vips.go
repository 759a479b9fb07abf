//go:build unix

package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/provingground/provingground/deploy/local/server"
)

// vips is the command line of libvips. Each command is a process; what a process
// costs that does nothing is measured first, and taken off.
type vips struct {
	vips, thumb string
	env         []string
	photo       photo
	nothing     time.Duration
}

func newVips(ctx context.Context, cloud *server.Cloud, p photo) (*vips, error) {
	program, env, err := cloud.Tool(ctx, "usr/bin/vips", "libvips-tools")
	if err != nil {
		return nil, err
	}
	v := &vips{vips: program, thumb: program + "thumbnail", env: append(env, "VIPS_CONCURRENCY=1"), photo: p}
	for i := range 5 {
		took, err := v.run(ctx, v.vips, "black", v.path("nothing.v"), "1", "1")
		if err != nil {
			return nil, err
		}
		if i == 0 || took < v.nothing {
			v.nothing = took
		}
	}
	return v, nil
}

func (v *vips) path(name string) string { return filepath.Join(v.photo.dir, name) }

// run returns the processor time of a command.
func (v *vips) run(ctx context.Context, program string, args ...string) (time.Duration, error) {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = append(os.Environ(), v.env...)
	if text, err := cmd.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("%s %q: %w: %s", filepath.Base(program), args, err, text)
	}
	return cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), nil
}

// all runs commands one after the other.
func (v *vips) all(ctx context.Context, program string, commands ...[]string) (time.Duration, error) {
	total := time.Duration(0)
	for _, args := range commands {
		took, err := v.run(ctx, program, args...)
		if err != nil {
			return 0, err
		}
		total += took - v.nothing
	}
	return total, nil
}

// resize decodes the whole, and makes each size of the next larger, which is kept
// without compression.
func (v *vips) resize(ctx context.Context) (time.Duration, error) {
	return v.all(ctx, v.vips,
		[]string{"resize", v.photo.file, v.path("large.v"), "0.4"},
		[]string{"jpegsave", v.path("large.v"), v.path("large.jpg"), "--Q", "82"},
		[]string{"resize", v.path("large.v"), v.path("medium.jpg[Q=82]"), "0.4"},
		[]string{"resize", v.path("large.v"), v.path("small.jpg[Q=82]"), "0.125"},
	)
}

// linear lets libvips do the first step in linear light, for which it decodes the
// whole, too.
func (v *vips) linear(ctx context.Context) (time.Duration, error) {
	return v.all(ctx, v.thumb,
		[]string{v.photo.file, "--size", "1600", "--linear", "-o", v.path("large.jpg[Q=82]")},
		[]string{v.path("large.jpg"), "--size", "640", "--linear", "-o", v.path("medium.jpg[Q=82]")},
		[]string{v.path("large.jpg"), "--size", "200", "--linear", "-o", v.path("small.jpg[Q=82]")},
	)
}

// thumbnail lets the JPEG decoder make a half, a quarter or an eighth of it, which
// skips most of its work.
func (v *vips) thumbnail(ctx context.Context) (time.Duration, error) {
	return v.all(ctx, v.thumb,
		[]string{v.photo.file, "--size", "1600", "-o", v.path("large.jpg[Q=82]")},
		[]string{v.photo.file, "--size", "640", "-o", v.path("medium.jpg[Q=82]")},
		[]string{v.photo.file, "--size", "200", "-o", v.path("small.jpg[Q=82]")},
	)
}
