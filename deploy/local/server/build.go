//go:build unix

package server

import (
	"context"
	"errors"
	"os"
	"path"
	"path/filepath"
)

// build builds a program of this module, named by its import path, into
// root/bin. The Go tool decides whether there is anything to do: it leaves what is
// up to date, and linking is most of the work. The file is replaced by a rename,
// so that a server that runs keeps the one it has.
func (in *installer) build(ctx context.Context, pkg string) (program, error) {
	bin := filepath.Join(in.root, "bin")
	if err := os.MkdirAll(bin, 0o755); err != nil {
		return program{}, err
	}
	dir, err := os.MkdirTemp(bin, "build-")
	if err != nil {
		return program{}, err
	}
	name := path.Base(pkg)
	built, target := filepath.Join(dir, name), filepath.Join(bin, name)
	_ = os.Link(target, built) // only to save work: where there is none, all is linked anew
	err = in.progress.step(ctx, "building "+name, func(ctx context.Context) error {
		_, err := run(ctx, nil, "go", "build", "-o", built, pkg)
		return err
	})
	if err == nil {
		err = os.Rename(built, target)
	}
	return program{path: target}, errors.Join(err, os.RemoveAll(dir))
}
