package journal

import (
	"errors"
	"io"
	"os"
	"path/filepath"
)

// Directory is a folder of the operating system. It is created, with its
// parents, when it is locked. On Unix another process is kept out by flock(2),
// which ends with the process; elsewhere it is the caller's duty.
type Directory string

const lockName = "lock"

// Lock implements Folder.
func (d Directory) Lock() (func() error, error) {
	if err := d.create(); err != nil {
		return nil, err
	}
	file, err := os.OpenFile(d.path(lockName), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := lock(file); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file.Close, nil
}

// create also makes the new names durable, from the first one that was missing.
func (d Directory) create() error {
	missing := []string{}
	for name := filepath.Clean(string(d)); ; name = filepath.Dir(name) {
		if _, err := os.Stat(name); err == nil {
			break
		} else if !errors.Is(err, os.ErrNotExist) {
			return err
		}
		missing = append(missing, name)
	}
	if err := os.MkdirAll(string(d), 0o700); err != nil {
		return err
	}
	for _, name := range missing {
		if err := syncDirectory(filepath.Dir(name)); err != nil {
			return err
		}
	}
	return nil
}

// List implements Folder.
func (d Directory) List() ([]string, error) {
	entries, err := os.ReadDir(string(d))
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if e.Type().IsRegular() && e.Name() != lockName {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// Create implements Folder.
func (d Directory) Create(name string) (File, error) {
	flag := os.O_EXCL
	if filepath.Ext(name) == temporarySuffix {
		flag = os.O_TRUNC
	}
	file, err := os.OpenFile(d.path(name), os.O_CREATE|os.O_WRONLY|flag, 0o600)
	if err != nil {
		return nil, err
	}
	if filepath.Ext(name) == segmentSuffix {
		return writeAhead(file), nil
	}
	return file, nil
}

// Open implements Folder.
func (d Directory) Open(name string) (io.ReadCloser, error) { return os.Open(d.path(name)) }

// Truncate implements Folder.
func (d Directory) Truncate(name string, size int64) error {
	file, err := os.OpenFile(d.path(name), os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	err = file.Truncate(size)
	if err == nil {
		err = file.Sync()
	}
	return errors.Join(err, file.Close())
}

// Rename implements Folder.
func (d Directory) Rename(from, to string) error { return os.Rename(d.path(from), d.path(to)) }

// Remove implements Folder.
func (d Directory) Remove(name string) error { return os.Remove(d.path(name)) }

// Sync implements Folder.
func (d Directory) Sync() error { return syncDirectory(string(d)) }

func (d Directory) path(name string) string { return filepath.Join(string(d), name) }

func syncDirectory(name string) error {
	dir, err := os.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
