package journal

import (
	"errors"
	"fmt"
)

var (
	// ErrClosed is returned for a record that is added after Close.
	ErrClosed = errors.New("journal: closed")
	// ErrTooLarge is returned for a record longer than MaxRecord. Nothing
	// was written.
	ErrTooLarge = errors.New("journal: record too large")
	// ErrLocked is returned by Open while another process has the folder.
	ErrLocked = errors.New("journal: folder is in use")
)

// FailedError is the answer to every record since a write or a sync failed.
// The record may be on disk or not.
type FailedError struct {
	Op  string // write, sync, segment
	Err error
}

func (e *FailedError) Error() string {
	return fmt.Sprintf("journal: %s failed, nothing is acknowledged any more: %v", e.Op, e.Err)
}

func (e *FailedError) Unwrap() error { return e.Err }

// CorruptError says where a journal does not hold what was synced. The files
// are left as they are.
type CorruptError struct {
	File   string
	Offset int64
	Reason string
}

func (e *CorruptError) Error() string {
	return fmt.Sprintf("journal: %s is damaged at byte %d: %s", e.File, e.Offset, e.Reason)
}
