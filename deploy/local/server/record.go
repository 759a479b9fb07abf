//go:build unix

package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/provingground/provingground/deploy/local/process"
)

// Record remembers a long-lived server, or a process that uses it, so that
// another process of the clone finds and ends it.
type Record struct {
	Name      string     `json:"name"`
	Server    bool       `json:"server"` // else a role of a scenario
	Provider  Provider   `json:"provider"`
	Process   process.ID `json:"process,omitzero"`
	Container string     `json:"container,omitempty"`
	Port      int        `json:"port,omitempty"`
	Log       string     `json:"log,omitempty"`
}

func (c *Cloud) recordFile(name string) string {
	return filepath.Join(c.root, "run", strings.ReplaceAll(name, "/", "-")+".json")
}

// Remember writes a record, which Down and Status read.
func (c *Cloud) Remember(r Record) error { return writeJSON(c.recordFile(r.Name), r) }

// Forget removes the record with this name, if there is one.
func (c *Cloud) Forget(name string) error {
	err := os.Remove(c.recordFile(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func (c *Cloud) record(name string) (r Record, found bool, err error) {
	return readRecord(c.recordFile(name))
}

func readRecord(file string) (r Record, found bool, err error) {
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return Record{}, false, nil
	}
	if err != nil {
		return Record{}, false, err
	}
	if err := json.Unmarshal(text, &r); err != nil {
		return Record{}, false, fmt.Errorf("%s: %w", file, err)
	}
	return r, true, nil
}

// Records returns what is remembered, in the order of the names.
func (c *Cloud) Records() ([]Record, error) {
	files, err := filepath.Glob(filepath.Join(c.root, "run", "*.json"))
	if err != nil {
		return nil, err
	}
	var all []Record
	for _, file := range files {
		r, found, err := readRecord(file)
		if err != nil {
			return nil, err
		}
		if found {
			all = append(all, r)
		}
	}
	return all, nil
}

// Addr returns host:port, or nothing for what has no port.
func (r Record) Addr() string {
	if r.Port == 0 {
		return ""
	}
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(r.Port))
}

func usesDocker(records []Record) bool {
	return slices.ContainsFunc(records, func(r Record) bool { return r.Container != "" })
}
