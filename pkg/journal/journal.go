// Package journal is an append-only log in a folder, for a server that must
// not lose what it acknowledged.
//
//	add ─┐
//	add ─┼─► one group ─► one write, one fsync ─► every ticket of the group
//	add ─┘
//
// An owner changes its state and calls [Journal.Add] in one critical section,
// so that the log has the order of the changes, and waits for the [Ticket]
// outside of it. While one group is written and synced the next one gathers,
// so the rate of records is not bound by the rate of syncs. A ticket succeeds
// only after the sync.
//
// What a crash leaves. Records are kept in frames with a length and a CRC-32C;
// a frame is one group. A frame is written only after the one before it was
// synced, so a damaged frame with nothing valid behind it was never
// acknowledged: Open cuts it off. A damaged frame that has a valid one behind
// it, or is not in the last segment, is a [CorruptError]: the journal does not
// guess. One case looks like a torn tail and is not: rot inside the very last
// frame, after it was synced.
//
// On Linux a [Directory] writes a segment ahead with zeros, up to 4 MiB, so that a
// sync has only the records to write. A crash leaves them behind the last frame;
// Open cuts them off like any other torn end.
//
// After a write or a sync failed nothing is acknowledged any more and nothing
// is written ([FailedError]): the kernel may have dropped the pages whose sync
// failed and would report success the next time (Rebello and others, "Can
// Applications Recover from fsync Failures?", USENIX ATC 2020). The owner stops
// and opens the folder again; records without an answer may be there or not.
//
// The log is bounded by checkpoints: the owner calls [Journal.Cut] in the
// critical section in which it copies its state, and writes that copy with
// [Journal.Checkpoint]; older segments are removed when it is on disk.
package journal

import (
	"sync"
)

const (
	// MaxRecord is the largest record, in bytes.
	MaxRecord = 32 << 20
	// maxGroup is where a group is closed, in bytes: longer ones would make
	// the first record of a group wait for the last.
	maxGroup = 4 << 20
	// maxFrame is the longest frame's payload: a group that was almost full
	// and then took the largest record.
	maxFrame = maxGroup + MaxRecord + 16
)

// Options has the limits of a journal. The zero value is ready to use.
type Options struct {
	// SegmentBytes is where a new segment is begun. Default 64 MiB. Opening
	// a journal holds one segment in memory.
	SegmentBytes int64
	// PendingBytes is how much may wait for the disk before Add blocks.
	// Default 64 MiB.
	PendingBytes int
}

func (o Options) withDefaults() Options {
	if o.SegmentBytes <= 0 {
		o.SegmentBytes = 64 << 20
	}
	if o.PendingBytes <= 0 {
		o.PendingBytes = 64 << 20
	}
	return o
}

// Journal is an open log. Its methods may be called from several goroutines.
// It has one goroutine, which writes; Close waits for it.
type Journal struct {
	folder  Folder
	options Options
	unlock  func() error
	stopped chan struct{}

	mu      sync.Mutex
	work    *sync.Cond   // queue has a group, or closed
	room    *sync.Cond   // less than PendingBytes wait, or closed or failed
	queue   []*group     // in the order of their sequence
	last    *group       // the newest, also when it is written
	spare   [][]byte     // buffers of written groups
	waiting int          // bytes in queue
	seq     uint64       // of the next group
	segment uint64       // of the next group
	grown   int64        // bytes of groups given to segment
	failed  *FailedError // sticky
	closed  bool
	stats   Stats

	// Only the writing goroutine uses these.
	file    File
	current uint64 // the number of file
	salt    uint64 // of file
}

// Stats counts what a journal did since it was opened.
type Stats struct {
	Records, Groups, Segments int64
	// Bytes were added since the last Cut, or read by Open behind the last
	// checkpoint: a reason for the next checkpoint.
	Bytes int64
	// CheckpointBytes is the size of the last checkpoint.
	CheckpointBytes int64
}

// Open locks a folder, reads it and is ready to append. Each record, those of
// the last checkpoint first, is given to replay, which must not keep it; an
// error from replay ends Open and is returned. A torn end is cut off.
//
// Errors: [ErrLocked] if another process has the folder, [CorruptError].
func Open(folder Folder, options Options, replay func(record []byte) error) (*Journal, error) {
	unlock, err := folder.Lock()
	if err != nil {
		return nil, err
	}
	j := &Journal{folder: folder, options: options.withDefaults(), unlock: unlock, stopped: make(chan struct{})}
	j.work, j.room = sync.NewCond(&j.mu), sync.NewCond(&j.mu)
	if err := j.read(replay); err != nil {
		unlock()
		return nil, err
	}
	go j.write()
	return j, nil
}

// Add puts a record, which it copies, behind all records added before, and
// returns at once: the ticket says when it is on disk. It blocks only while
// more than PendingBytes wait for the disk.
func (j *Journal) Add(record []byte) Ticket {
	if len(record) > MaxRecord {
		return refused(tooLarge(len(record)))
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	for j.waiting > j.options.PendingBytes && j.failed == nil && !j.closed {
		j.room.Wait()
	}
	if err := j.refusal(); err != nil {
		return refused(err)
	}
	g := j.gathering()
	before := len(g.frame)
	g.add(record)
	j.waiting += len(g.frame) - before
	j.grown += int64(len(g.frame) - before)
	j.stats.Bytes += int64(len(g.frame) - before)
	j.stats.Records++
	j.work.Signal()
	return Ticket{g}
}

// Append adds a record and returns when it is on disk.
func (j *Journal) Append(record []byte) error { return j.Add(record).Wait() }

// refusal says why nothing can be added. The caller holds mu.
func (j *Journal) refusal() error {
	if j.failed != nil {
		return j.failed
	}
	if j.closed {
		return ErrClosed
	}
	return nil
}

// gathering returns the group that takes the next record. The caller holds mu.
func (j *Journal) gathering() *group {
	if n := len(j.queue); n > 0 {
		if g := j.queue[n-1]; !g.sealed && len(g.frame) < maxGroup {
			return g
		}
	}
	if j.grown >= j.options.SegmentBytes {
		j.nextSegment()
	}
	var buffer []byte
	if n := len(j.spare); n > 0 {
		buffer, j.spare = j.spare[n-1], j.spare[:n-1]
	}
	g := newGroup(j.seq, j.segment, buffer)
	j.seq++
	j.last = g
	j.queue = append(j.queue, g)
	return g
}

// nextSegment makes the next group begin a segment. The caller holds mu.
func (j *Journal) nextSegment() {
	j.segment++
	j.grown = 0
}

// Err returns why nothing is acknowledged any more, or nil.
func (j *Journal) Err() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.failed == nil {
		return nil
	}
	return j.failed
}

// Stats returns what the journal did.
func (j *Journal) Stats() Stats {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.stats
}

// Close writes what was added, waits for the disk and gives the folder free.
// It returns the error after which nothing was acknowledged, if there was one.
func (j *Journal) Close() error {
	j.mu.Lock()
	if j.closed {
		j.mu.Unlock()
		<-j.stopped
		return nil
	}
	j.closed = true
	j.work.Broadcast()
	j.room.Broadcast()
	j.mu.Unlock()
	<-j.stopped
	if err := j.unlock(); err != nil {
		return err
	}
	return j.Err()
}
