package journal

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// read replays the folder, cuts a torn end off, removes what a checkpoint made
// superfluous, and says where the next group goes.
func (j *Journal) read(replay func([]byte) error) error {
	names, err := j.folder.List()
	if err != nil {
		return err
	}
	if err := j.removeAll(names, func(name string) bool { return strings.HasSuffix(name, temporarySuffix) }); err != nil {
		return err
	}
	if err := j.readCheckpoint(names, replay); err != nil {
		return err
	}
	if err := j.removeOld(names); err != nil {
		return err
	}
	return j.readSegments(names, replay)
}

// readCheckpoint replays the newest one. It was renamed after its sync, so it
// is whole or damaged.
func (j *Journal) readCheckpoint(names []string, replay func([]byte) error) error {
	numbers := numbered(names, checkpointSuffix)
	if len(numbers) == 0 {
		j.segment = 1
		return nil
	}
	j.segment = numbers[len(numbers)-1]
	name := fileName(j.segment, checkpointSuffix)
	file, err := j.folder.Open(name)
	if err != nil {
		return err
	}
	defer file.Close()
	r := &checkpointReader{name: name, number: j.segment}
	if err := r.read(file, replay); err != nil {
		return err
	}
	j.seq, j.stats.CheckpointBytes = r.seq, r.frames.offset
	return nil
}

func (j *Journal) readSegments(names []string, replay func([]byte) error) error {
	first := j.segment
	numbers := slices.DeleteFunc(numbered(names, segmentSuffix), func(n uint64) bool { return n < first })
	for i, number := range numbers {
		if err := j.readSegment(number, i == len(numbers)-1, replay); err != nil {
			return err
		}
	}
	return nil
}

// readSegment replays one segment and makes the next group begin another one,
// so that a segment is never appended to after a crash.
func (j *Journal) readSegment(number uint64, last bool, replay func([]byte) error) error {
	name := fileName(number, segmentSuffix)
	data, err := j.readFile(name)
	if err != nil {
		return err
	}
	s, ok := decodeStart(data)
	if !ok && last && len(data) <= preamble {
		j.segment = number
		return j.remove(name) // died while beginning it: no frame was written
	}
	if !ok || s.number != number {
		return &CorruptError{name, 0, "not the start of this segment"}
	}
	if s.seq != j.seq { // numbers may be left out, groups not
		return &CorruptError{name, 0, fmt.Sprintf("begins with group %d, want %d: a file before it is missing", s.seq, j.seq)}
	}
	frames := &frameReader{r: bytes.NewReader(data[preamble:]), salt: s.salt, seq: s.seq, offset: int64(preamble)}
	switch err := replayFrames(frames, name, replay); {
	case err == nil:
	case !errors.Is(err, errDamaged):
		return err
	case !last || validFollows(data[frames.offset+1:], s.salt, frames.seq):
		return &CorruptError{name, frames.offset, "no valid frame, and what follows had been synced"}
	default:
		if err := j.folder.Truncate(name, frames.offset); err != nil {
			return err
		}
	}
	if last && frames.seq == s.seq {
		j.segment = number
		return j.remove(name) // holds nothing: its number is used again
	}
	j.seq, j.segment = frames.seq, number+1
	j.stats.Segments++
	j.stats.Bytes += frames.offset
	return nil
}

// replayFrames returns nil at the end, errDamaged where a frame is not valid.
func replayFrames(frames *frameReader, name string, replay func([]byte) error) error {
	for {
		offset := frames.offset
		payload, kind, err := frames.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if kind != kindRecords {
			return &CorruptError{name, offset, fmt.Sprintf("a frame of kind %d", kind)}
		}
		if err := replayRecords(payload, name, offset, replay); err != nil {
			return err
		}
	}
}

// replayRecords keeps an error of the owner apart from a payload that cannot
// be read although its checksum is right.
func replayRecords(payload []byte, name string, offset int64, replay func([]byte) error) error {
	err := records(payload, replay)
	if errors.Is(err, errDamaged) {
		return &CorruptError{name, offset, "the records do not fill their frame"}
	}
	if err != nil {
		return fmt.Errorf("journal: replay of %s at byte %d: %w", name, offset, err)
	}
	return nil
}

func (j *Journal) readFile(name string) ([]byte, error) {
	file, err := j.folder.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(file)
}

func (j *Journal) remove(name string) error {
	if err := j.folder.Remove(name); err != nil {
		return err
	}
	return j.folder.Sync()
}

// removeOld removes what the newest checkpoint, if any, replaces: a crash may
// have come between its rename and that.
func (j *Journal) removeOld(names []string) error {
	return j.removeAll(names, func(name string) bool {
		n, ok := fileNumber(name, segmentSuffix)
		if !ok {
			n, ok = fileNumber(name, checkpointSuffix)
		}
		return ok && n < j.segment
	})
}

func (j *Journal) removeAll(names []string, superfluous func(name string) bool) error {
	removed := false
	for _, name := range names {
		if !superfluous(name) {
			continue
		}
		if err := j.folder.Remove(name); err != nil {
			return err
		}
		removed = true
	}
	if !removed {
		return nil
	}
	return j.folder.Sync()
}

func numbered(names []string, suffix string) []uint64 {
	var numbers []uint64
	for _, name := range names {
		if n, ok := fileNumber(name, suffix); ok {
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)
	return numbers
}
