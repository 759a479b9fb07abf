package edgeapi

import (
	"fmt"
	"slices"
	"sync"
)

// body is an item as the API shows it. Cost is nil for whoever is not known.
type body struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	Description string `json:"description"`
	Price       int64  `json:"price"`
	Cost        *int64 `json:"cost,omitempty"`
	Version     int64  `json:"version"`
}

// draft is what is written.
type draft struct {
	Name        string `json:"name"`
	Description string `json:"description"`
	Price       int64  `json:"price"`
	Cost        int64  `json:"cost"`
}

// item is what is known about one that is changed.
type item struct {
	id string

	mu       sync.Mutex
	version  int64            // the newest that anybody was told
	owners   map[int64]string // who was acknowledged as the writer of a version
	unknown  map[string]int64 // changes without a definite answer, and the version they would have made
	refused  int64            // the newest version that was refused as old
	lastSeen string           // who was told last that it is old
}

func (i *item) known() int64 {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.version
}

// acknowledged notes the writer of a version. Of two writers it returns the first.
func (i *item) acknowledged(version int64, key string) (other string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.owners == nil {
		i.owners = make(map[int64]string)
	}
	if was := i.owners[version]; was != "" && was != key {
		return was
	}
	i.owners[version] = key
	i.version = max(i.version, version)
	return ""
}

// old notes that a version was refused as old, and the one that is there instead.
func (i *item) old(version, now int64, key string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.version = max(i.version, now)
	if version >= i.refused {
		i.refused, i.lastSeen = version, key
	}
}

func (i *item) lose(version int64, key string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.unknown == nil {
		i.unknown = make(map[string]int64)
	}
	i.unknown[key] = version
}

// judge compares what writers were told with the row of the item: its version, and
// the key in its description.
func (i *item) judge(version int64, key string) string {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.refused >= version && version > 0 {
		return fmt.Sprintf("%s was told that version %d of %s is old, which has version %d", i.lastSeen, i.refused, i.id, version)
	}
	for v, owner := range i.owners {
		if v > version {
			return fmt.Sprintf("%s was acknowledged as version %d of %s, which has version %d", owner, v, i.id, version)
		}
	}
	var open []int64
	for _, v := range i.unknown {
		open = append(open, v)
	}
	for v := int64(2); v <= version; v++ {
		if i.owners[v] == "" && !slices.Contains(open, v) {
			return fmt.Sprintf("version %d of %s was written by nobody who was told so", v, i.id)
		}
	}
	if owner := i.owners[version]; version > 1 && owner != key && i.unknown[key] != version {
		return fmt.Sprintf("version %d of %s is what %s wrote, and %q was acknowledged", version, i.id, key, owner)
	}
	return ""
}

// made are items that the load created, which it deletes again, some of them.
type made struct {
	mu  sync.Mutex
	all []created
}

type created struct{ id, what string }

func (m *made) add(c created) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.all = append(m.all, c)
}

func (m *made) take() (c created, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.all) == 0 {
		return created{}, false
	}
	c, m.all = m.all[0], m.all[1:]
	return c, true
}

// complaints keeps the first few sentences about what was wrong.
type complaints struct {
	mu    sync.Mutex
	first []string
	n     int
}

func (c *complaints) add(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n++
	if len(c.first) < 5 {
		c.first = append(c.first, fmt.Sprintf(format, args...))
	}
}

// String is empty when nothing was wrong.
func (c *complaints) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n == 0 {
		return ""
	}
	s := fmt.Sprint(c.first)
	if c.n > len(c.first) {
		s += fmt.Sprintf(" and %d more", c.n-len(c.first))
	}
	return s
}
