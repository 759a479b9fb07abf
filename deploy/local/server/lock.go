//go:build unix

package server

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// Lock takes a lock of the clone's for a caller's own file below Root.
func (c *Cloud) Lock(ctx context.Context, name string) (unlock func(), err error) {
	return c.lock(ctx, "for-"+name)
}

// lock takes the named lock of the clone, across processes. It ends with the
// process that holds it, so that a kill leaves no lock behind.
func (c *Cloud) lock(ctx context.Context, name string) (unlock func(), err error) {
	return lockFile(ctx, c.progress, filepath.Join(c.root, name+".lock"))
}

func lockFile(ctx context.Context, p *progress, path string) (unlock func(), err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|syscall.O_CLOEXEC, 0o600)
	if err != nil {
		return nil, err
	}
	for waiting := false; ; waiting = true {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { f.Close() }, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			f.Close()
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
		if !waiting {
			p.say("waiting for another process that holds %s …", path)
		}
		select {
		case <-ctx.Done():
			f.Close()
			return nil, fmt.Errorf("lock %s: %w", path, context.Cause(ctx))
		case <-time.After(50 * time.Millisecond):
		}
	}
}
