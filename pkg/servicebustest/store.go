package servicebustest

import (
	"errors"
	"fmt"
	"sync"

	"github.com/provingground/provingground/pkg/journal"
	"github.com/provingground/provingground/pkg/servicebustest/broker"
)

// checkpointAfter is how much log, in bytes, may gather before a checkpoint
// takes its place: this, or twice the last checkpoint.
const checkpointAfter = 64 << 20

// store keeps the records of a broker in a journal.
type store struct {
	journal *journal.Journal
	last    journal.Ticket // guarded by the core

	checkpoints sync.WaitGroup
	running     bool  // guarded by the core
	failed      error // likewise: of the last checkpoint
}

// openStore restores what a folder has into a broker.
func openStore(folder journal.Folder, b *broker.Broker) (*store, error) {
	j, err := journal.Open(folder, journal.Options{}, b.Restore)
	if err != nil {
		return nil, fmt.Errorf("servicebustest: %w", err)
	}
	return &store{journal: j}, nil
}

// add puts a record behind all before it; the caller holds the lock of the core.
// A large one (a batch for many subscriptions) is cut between two changes.
func (s *store) add(record []byte) {
	for len(record) > 0 {
		n := broker.CutRecord(record, journal.MaxRecord)
		s.last = s.journal.Add(record[:n])
		record = record[n:]
	}
}

// checkpoint replaces the log when it has grown. Records go on meanwhile. The
// caller holds the lock of the core.
func (c *core) checkpoint() {
	s := c.store
	stats := s.journal.Stats()
	if s.running || s.failed != nil || stats.Bytes < max(checkpointAfter, 2*stats.CheckpointBytes) {
		return
	}
	s.running = true
	mark, records := s.journal.Cut(), c.broker.Snapshot()
	s.checkpoints.Go(func() {
		err := s.journal.Checkpoint(mark, records)
		c.mu.Lock()
		defer c.mu.Unlock()
		s.running, s.failed = false, err
	})
}

// closeStore ends the journal when everything is on disk.
func (c *core) closeStore() error {
	if c.store == nil {
		return nil
	}
	c.store.checkpoints.Wait()
	c.mu.Lock()
	failed := c.store.failed
	c.mu.Unlock()
	return errors.Join(failed, c.store.journal.Close())
}
