package journal

import (
	"encoding/binary"
	"fmt"
)

// group gathers the records of one frame, which one sync makes durable.
type group struct {
	seq     uint64
	segment uint64
	frame   []byte // room for the header, then the records
	sealed  bool   // a cut follows
	done    chan struct{}
	err     error // set before done is closed
}

func newGroup(seq, segment uint64, buffer []byte) *group {
	var room [headerSize]byte
	return &group{seq: seq, segment: segment, frame: append(buffer[:0], room[:]...), done: make(chan struct{})}
}

func (g *group) add(record []byte) { g.frame = appendRecord(g.frame, record) }

func appendRecord(to, record []byte) []byte {
	to = binary.AppendUvarint(to, uint64(len(record)))
	return append(to, record...)
}

// Ticket is the receipt for a record that was added. The zero Ticket is that
// of a record on disk.
type Ticket struct{ group *group }

func refused(err error) Ticket {
	g := &group{err: err, done: make(chan struct{})}
	close(g.done)
	return Ticket{g}
}

// Wait returns when the record is on disk, or will never be acknowledged:
// [ErrClosed], [ErrTooLarge], [FailedError].
func (t Ticket) Wait() error {
	if t.group == nil {
		return nil
	}
	<-t.group.done
	return t.group.err
}

// Done is closed when Wait would return at once.
func (t Ticket) Done() <-chan struct{} {
	if t.group == nil {
		closed := make(chan struct{})
		close(closed)
		return closed
	}
	return t.group.done
}

func tooLarge(n int) error {
	return fmt.Errorf("%w: %d bytes, limit %d", ErrTooLarge, n, MaxRecord)
}
