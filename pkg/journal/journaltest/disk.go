// Package journaltest has a disk in memory that treats a journal as badly as
// real ones do: at a power cut it loses what was not synced, or keeps a part
// of it, torn; its writes and syncs can fail, and after a failed sync it
// forgets, as Linux does, what it did not write.
package journaltest

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"path"
	"slices"
	"sync"

	"github.com/provingground/provingground/pkg/journal"
)

// Disk is a journal.Folder. The zero value is an empty disk without faults.
// The hooks are called without a lock and may block; they are set before use.
type Disk struct {
	// BeforeWrite is called with the bytes of each write. If it returns an
	// error, half of them are written.
	BeforeWrite func(name string, p []byte) error
	// BeforeSync is called before each sync of a file, or with "" of the
	// folder. If it returns an error, what was written since the last sync
	// stays readable, but is lost at a power cut even if a later sync succeeds.
	BeforeSync func(name string) error

	mu      sync.Mutex
	files   map[string]*content // as a running program sees them
	durable map[string]*content // the names after a power cut
	changes []change            // of names, since the last sync
	locked  bool
}

// content is a file under whatever names it has.
type content struct {
	data   []byte
	synced int  // a power cut leaves these bytes
	lost   bool // a sync failed: the bytes behind them never reach the disk
}

// change is one operation on the folder: name refers to c, or to nothing.
type change struct {
	name string
	c    *content
	from string // renamed from
}

// Lock implements journal.Folder.
func (d *Disk) Lock() (func() error, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.locked {
		return nil, journal.ErrLocked
	}
	d.locked = true
	if d.files == nil {
		d.files, d.durable = map[string]*content{}, map[string]*content{}
	}
	return func() error {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.locked = false
		return nil
	}, nil
}

// List implements journal.Folder.
func (d *Disk) List() ([]string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var names []string
	for name := range d.files {
		names = append(names, name)
	}
	slices.Sort(names)
	return names, nil
}

// Create implements journal.Folder.
func (d *Disk) Create(name string) (journal.File, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, ok := d.files[name]; ok && path.Ext(name) != ".tmp" {
		return nil, &fs.PathError{Op: "create", Path: name, Err: fs.ErrExist}
	}
	c := &content{}
	d.change(change{name: name, c: c})
	return &file{disk: d, name: name, content: c}, nil
}

// Open implements journal.Folder.
func (d *Disk) Open(name string) (io.ReadCloser, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	c, err := d.file("open", name)
	if err != nil {
		return nil, err
	}
	return io.NopCloser(bytes.NewReader(bytes.Clone(c.data))), nil
}

// Truncate implements journal.Folder.
func (d *Disk) Truncate(name string, size int64) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	c, err := d.file("truncate", name)
	if err != nil {
		return err
	}
	c.data = c.data[:size]
	c.synced = int(size)
	return nil
}

// Rename implements journal.Folder.
func (d *Disk) Rename(from, to string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	c, err := d.file("rename", from)
	if err != nil {
		return err
	}
	d.change(change{name: to, c: c, from: from})
	return nil
}

// Remove implements journal.Folder.
func (d *Disk) Remove(name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, err := d.file("remove", name); err != nil {
		return err
	}
	d.change(change{name: name})
	return nil
}

// Sync implements journal.Folder.
func (d *Disk) Sync() error {
	if err := d.before(""); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, c := range d.changes {
		c.apply(d.durable)
	}
	d.changes = nil
	return nil
}

// change applies c for the running program. The caller holds mu.
func (d *Disk) change(c change) {
	c.apply(d.files)
	d.changes = append(d.changes, c)
}

func (c change) apply(files map[string]*content) {
	delete(files, c.from)
	delete(files, c.name)
	if c.c != nil {
		files[c.name] = c.c
	}
}

func (d *Disk) before(name string) error {
	if d.BeforeSync == nil {
		return nil
	}
	return d.BeforeSync(name)
}

func (d *Disk) file(op, name string) (*content, error) {
	c, ok := d.files[name]
	if !ok {
		return nil, &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
	}
	return c, nil
}

// Corrupt flips a bit of a file at offset, counted from its end if negative.
func (d *Disk) Corrupt(name string, offset int) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	c, err := d.file("corrupt", name)
	if err != nil {
		return err
	}
	if offset < 0 {
		offset += len(c.data)
	}
	if offset < 0 || offset >= len(c.data) {
		return fmt.Errorf("corrupt %s: no byte %d in %d", name, offset, len(c.data))
	}
	c.data[offset] ^= 1
	return nil
}

// AfterPowerCut returns the disk as it comes up again, without hooks, unlocked:
// of the names changed since the last sync a random part, in order or not, of
// what was written to a file since its last sync a random part, of which some
// may be rubbish. The old disk may still be in use and is not changed.
func (d *Disk) AfterPowerCut(random *rand.Rand) *Disk {
	d.mu.Lock()
	defer d.mu.Unlock()
	names := map[string]*content{}
	for name, c := range d.durable {
		names[name] = c
	}
	from, all := random.IntN(len(d.changes)+1), random.IntN(2) == 0
	for i, c := range d.changes {
		if i < from || all && random.IntN(2) == 0 {
			c.apply(names)
		}
	}
	after := &Disk{files: map[string]*content{}, durable: map[string]*content{}}
	for name, c := range names {
		left := c.afterPowerCut(random)
		after.files[name], after.durable[name] = left, left
	}
	return after
}

func (c *content) afterPowerCut(random *rand.Rand) *content {
	data := bytes.Clone(c.data[:min(c.synced, len(c.data))])
	if unsynced := c.data[len(data):]; !c.lost && len(unsynced) > 0 && random.IntN(3) > 0 {
		tail := bytes.Clone(unsynced[:random.IntN(len(unsynced)+1)])
		tear(tail, random)
		data = append(data, tail...)
	}
	return &content{data: data, synced: len(data)}
}

// tear leaves a tail as it is, or with a part that never reached the disk.
func tear(tail []byte, random *rand.Rand) {
	if len(tail) == 0 || random.IntN(2) == 0 {
		return
	}
	from := random.IntN(len(tail))
	to := from + random.IntN(len(tail)-from) + 1
	if random.IntN(2) == 0 {
		clear(tail[from:to])
		return
	}
	for i := range tail[from:to] {
		tail[from+i] = byte(random.Uint32())
	}
}
