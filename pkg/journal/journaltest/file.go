package journaltest

import "io/fs"

// file is an open content.
type file struct {
	disk    *Disk
	name    string
	content *content
	closed  bool
}

func (f *file) Write(p []byte) (int, error) {
	var failure error
	if f.disk.BeforeWrite != nil {
		failure = f.disk.BeforeWrite(f.name, p)
	}
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if f.closed {
		return 0, &fs.PathError{Op: "write", Path: f.name, Err: fs.ErrClosed}
	}
	if failure != nil {
		p = p[:len(p)/2]
	}
	f.content.data = append(f.content.data, p...)
	return len(p), failure
}

func (f *file) Sync() error {
	failure := f.disk.before(f.name)
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if f.closed {
		return &fs.PathError{Op: "sync", Path: f.name, Err: fs.ErrClosed}
	}
	if failure != nil {
		f.content.lost = true
		return failure
	}
	if !f.content.lost {
		f.content.synced = len(f.content.data)
	}
	return nil
}

func (f *file) Close() error {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if f.closed {
		return &fs.PathError{Op: "close", Path: f.name, Err: fs.ErrClosed}
	}
	f.closed = true
	return nil
}
