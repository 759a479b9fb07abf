//go:build unix

package server

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/provingground/provingground/deploy/local/jsonfile"
	"github.com/provingground/provingground/deploy/local/process"
)

// Record remembers a long-lived server, or a process that uses it, so that
// another process of the clone finds and ends it.
type Record struct {
	Name      string     `json:"name"`
	Server    bool       `json:"server"` // else a role of a scenario
	Provider  Provider   `json:"provider"`
	Kind      string     `json:"kind,omitempty"` // of a native server, where there are several
	Process   process.ID `json:"process,omitzero"`
	Container string     `json:"container,omitempty"`
	Port      int        `json:"port,omitempty"`
	Second    int        `json:"second,omitempty"` // a server's second port
	Log       string     `json:"log,omitempty"`
}

func (c *Cloud) recordFile(name string) string {
	return filepath.Join(c.root, "run", strings.ReplaceAll(name, "/", "-")+".json")
}

// Remember writes a record, which Down and Status read.
func (c *Cloud) Remember(r Record) error { return jsonfile.Write(c.recordFile(r.Name), r) }

// Forget removes the record with this name, if there is one.
func (c *Cloud) Forget(name string) error {
	err := os.Remove(c.recordFile(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// Recorded returns the record with this name, if there is one.
func (c *Cloud) Recorded(name string) (r Record, found bool, err error) {
	found, err = jsonfile.Read(c.recordFile(name), &r)
	return r, found, err
}

// Records returns what is remembered, in the order of the names.
func (c *Cloud) Records() ([]Record, error) {
	files, err := filepath.Glob(filepath.Join(c.root, "run", "*.json"))
	if err != nil {
		return nil, err
	}
	var all []Record
	for _, file := range files {
		var r Record
		found, err := jsonfile.Read(file, &r)
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

func (r Record) tail(ctx context.Context, lines int) string {
	if r.Container != "" {
		return container{id: r.Container}.tail(ctx, lines)
	}
	return process.Tail(r.Log, 0, lines)
}

func usesDocker(records []Record) bool {
	return slices.ContainsFunc(records, func(r Record) bool { return r.Container != "" })
}
