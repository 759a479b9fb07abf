package journal

import "runtime"

// write is the journal's goroutine: a group at a time, each with one write and
// one sync, until Close.
func (j *Journal) write() {
	defer close(j.stopped)
	for g := j.take(); g != nil; g = j.take() {
		j.finish(g, j.commit(g))
	}
	if j.file != nil {
		j.file.Close()
	}
}

// maxYields bounds how long a group gathers while records keep coming.
const maxYields = 20

// take waits for a group and closes it for further records; nil after Close.
func (j *Journal) take() *group {
	j.mu.Lock()
	defer j.mu.Unlock()
	for len(j.queue) == 0 {
		if j.closed {
			return nil
		}
		j.work.Wait()
	}
	j.gather()
	g := j.queue[0]
	j.queue[0] = nil
	j.queue = j.queue[1:]
	return g
}

// gather lets goroutines run that are about to add, until none does. Those that
// the last sync woke would otherwise come just after the cut: of 32 appenders,
// every other sync would carry a single record. The caller holds mu.
func (j *Journal) gather() {
	for range maxYields {
		before := j.stats.Records
		j.mu.Unlock()
		runtime.Gosched()
		j.mu.Lock()
		if j.stats.Records == before {
			return
		}
	}
}

func (j *Journal) commit(g *group) *FailedError {
	if j.failed != nil { // only this goroutine sets it
		return j.failed
	}
	if j.file == nil || g.segment != j.current {
		if err := j.begin(g.segment, g.seq); err != nil {
			return &FailedError{"segment", err}
		}
	}
	seal(g.frame, j.salt, g.seq, kindRecords)
	if _, err := j.file.Write(g.frame); err != nil {
		return &FailedError{"write", err}
	}
	if err := j.file.Sync(); err != nil {
		return &FailedError{"sync", err}
	}
	return nil
}

// begin creates a segment. Its name is on disk before a record is in it.
func (j *Journal) begin(number, seq uint64) error {
	if j.file != nil {
		if err := j.file.Close(); err != nil {
			return err
		}
		j.file = nil
	}
	s := start{number: number, seq: seq, salt: newSalt()}
	f, err := create(j.folder, fileName(number, segmentSuffix), s)
	if err != nil {
		return err
	}
	if err := j.folder.Sync(); err != nil {
		f.Close()
		return err
	}
	j.file, j.current, j.salt = f, number, s.salt
	return nil
}

func create(folder Folder, name string, s start) (File, error) {
	f, err := folder.Create(name)
	if err != nil {
		return nil, err
	}
	if _, err := f.Write(s.encode()); err != nil {
		f.Close()
		return nil, err
	}
	if err := f.Sync(); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// finish tells a group's tickets and keeps the first failure.
func (j *Journal) finish(g *group, failure *FailedError) {
	j.mu.Lock()
	defer j.mu.Unlock()
	defer j.room.Broadcast()
	j.waiting -= len(g.frame) - headerSize
	if failure != nil {
		j.failed = failure
		g.err = failure
		close(g.done)
		return
	}
	j.stats.Groups++
	if len(j.spare) < 2 && cap(g.frame) <= 2*maxGroup {
		j.spare = append(j.spare, g.frame)
	}
	g.frame = nil
	close(g.done)
}
