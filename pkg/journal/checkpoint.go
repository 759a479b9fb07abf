package journal

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"iter"
)

// checkpointFrame is where a frame of a checkpoint is closed, in bytes.
const checkpointFrame = 1 << 20

// Mark is a point between two records, made by Cut.
type Mark struct {
	segment, seq uint64
	before       Ticket
}

// Cut ends the segment: records added before are in the state that the owner
// copies now, in the same critical section, and those added later are not.
func (j *Journal) Cut() Mark {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.last != nil {
		j.last.sealed = true
	}
	j.nextSegment()
	j.stats.Bytes = 0
	return Mark{segment: j.segment, seq: j.seq, before: Ticket{j.last}}
}

// Checkpoint writes records which, replayed, make the state at mark, and
// removes what was logged before. Records are written while they are taken
// from the sequence, each up to MaxRecord, and are not kept.
//
// The log goes on meanwhile. If Checkpoint returns an error, the log is as good
// as before, and a later checkpoint may succeed. Marks must be used in order,
// one at a time.
func (j *Journal) Checkpoint(mark Mark, records iter.Seq[[]byte]) error {
	name := fileName(mark.segment, checkpointSuffix)
	size, err := j.writeCheckpoint(name+temporarySuffix, mark, records)
	if err != nil {
		return fmt.Errorf("journal: checkpoint: %w", errors.Join(err, j.folder.Remove(name+temporarySuffix)))
	}
	// The old segments go only when nothing is written to them any more.
	if err := mark.before.Wait(); err != nil {
		return err
	}
	if err := j.folder.Rename(name+temporarySuffix, name); err != nil {
		return fmt.Errorf("journal: checkpoint: %w", err)
	}
	if err := j.folder.Sync(); err != nil {
		return fmt.Errorf("journal: checkpoint: %w", err)
	}
	j.mu.Lock()
	j.stats.CheckpointBytes = size
	j.mu.Unlock()
	return j.removeBefore(mark.segment)
}

func (j *Journal) removeBefore(segment uint64) error {
	names, err := j.folder.List()
	if err != nil {
		return err
	}
	return j.removeAll(names, func(name string) bool {
		n, ok := fileNumber(name, segmentSuffix)
		if !ok {
			n, ok = fileNumber(name, checkpointSuffix)
		}
		return ok && n < segment
	})
}

func (j *Journal) writeCheckpoint(name string, mark Mark, records iter.Seq[[]byte]) (int64, error) {
	s := start{number: mark.segment, seq: mark.seq, salt: newSalt()}
	file, err := create(j.folder, name, s)
	if err != nil {
		return 0, err
	}
	w := checkpointWriter{file: file, salt: s.salt}
	err = w.write(records)
	if err == nil {
		err = file.Sync()
	}
	return w.size, errors.Join(err, file.Close())
}

// checkpointWriter numbers its frames from 0.
type checkpointWriter struct {
	file      File
	salt, seq uint64
	size      int64
}

func (w *checkpointWriter) write(records iter.Seq[[]byte]) error {
	g := newGroup(0, 0, make([]byte, 0, checkpointFrame))
	for record := range records {
		if len(record) > MaxRecord {
			return tooLarge(len(record))
		}
		g.add(record)
		if len(g.frame) < checkpointFrame {
			continue
		}
		if err := w.frame(g.frame, kindRecords); err != nil {
			return err
		}
		g = newGroup(0, 0, g.frame)
	}
	if err := w.frame(g.frame, kindRecords); err != nil {
		return err
	}
	return w.frame(newGroup(0, 0, nil).frame, kindEnd)
}

func (w *checkpointWriter) frame(frame []byte, kind byte) error {
	seal(frame, w.salt, w.seq, kind)
	w.seq++
	w.size += int64(len(frame))
	_, err := w.file.Write(frame)
	return err
}

// checkpointReader replays a checkpoint as it is read.
type checkpointReader struct {
	name   string
	number uint64
	seq    uint64 // of the first group after the mark
	frames frameReader
}

func (c *checkpointReader) read(file io.Reader, replay func([]byte) error) error {
	buffered := bufio.NewReaderSize(file, checkpointFrame)
	head := make([]byte, preamble)
	if _, err := io.ReadFull(buffered, head); err != nil {
		return c.damaged("too short")
	}
	s, ok := decodeStart(head)
	if !ok || s.number != c.number {
		return c.damaged("not the start of this checkpoint")
	}
	c.seq = s.seq
	c.frames = frameReader{r: buffered, salt: s.salt, offset: int64(preamble)}
	for {
		offset := c.frames.offset
		payload, kind, err := c.frames.next()
		switch {
		case errors.Is(err, io.EOF):
			return c.damaged("the end is missing")
		case errors.Is(err, errDamaged):
			return c.damaged("no valid frame")
		case err != nil:
			return err
		case kind == kindEnd:
			return nil
		}
		if err := replayRecords(payload, c.name, offset, replay); err != nil {
			return err
		}
	}
}

func (c *checkpointReader) damaged(reason string) error {
	return &CorruptError{c.name, c.frames.offset, reason}
}
