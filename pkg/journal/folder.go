package journal

import "io"

// Folder is where a journal keeps its files. [Directory] is one of the
// operating system; package journaltest has one that loses what was not synced.
// Names are plain file names. Nothing is durable before the Sync that covers
// it: File.Sync for content, Folder.Sync for names.
type Folder interface {
	// Lock keeps other journals out, [ErrLocked] if one is in.
	Lock() (unlock func() error, err error)
	// List returns the names of all files.
	List() ([]string, error)
	// Create makes an empty file, replacing none but a temporary one.
	Create(name string) (File, error)
	// Open reads a file from its start.
	Open(name string) (io.ReadCloser, error)
	// Truncate cuts a file, durably.
	Truncate(name string, size int64) error
	// Rename replaces the file of the new name, at once.
	Rename(from, to string) error
	// Remove removes a file.
	Remove(name string) error
	// Sync makes durable what Create, Rename and Remove did.
	Sync() error
}

// File is an open file that is written from its start to its end.
type File interface {
	io.WriteCloser
	Sync() error
}
