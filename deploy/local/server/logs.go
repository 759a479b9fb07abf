//go:build unix

package server

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/provingground/provingground/deploy/local/process"
)

// Clean ends everything and removes the clone's state, installed programs too.
func (c *Cloud) Clean(ctx context.Context) error {
	if err := c.Down(ctx); err != nil {
		return err
	}
	return os.RemoveAll(c.root)
}

// Logs writes the last lines of every log of a long-lived server or role. Names
// restrict it to servers and scenarios of these names.
func (c *Cloud) Logs(ctx context.Context, out io.Writer, lines int, names ...string) error {
	records, err := c.Records()
	if err != nil {
		return err
	}
	for _, r := range records {
		if r.Container != "" && wanted(r.Name, names) {
			fmt.Fprintf(out, "==> %s\n%s\n", r.Name, container{id: r.Container}.tail(ctx, lines))
		}
	}
	files, err := filepath.Glob(filepath.Join(c.root, "log", "*.log"))
	if err != nil {
		return err
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".log")
		if wanted(name, names) {
			fmt.Fprintf(out, "==> %s (%s)\n%s\n", name, file, process.Tail(file, 0, lines))
		}
	}
	return nil
}

// wanted: a role is named slug/role/index, and its log file slug-role-index.
func wanted(name string, names []string) bool {
	name = strings.ReplaceAll(name, "/", "-")
	return len(names) == 0 || slices.ContainsFunc(names, func(n string) bool {
		return name == n || strings.HasPrefix(name, n+"-")
	})
}
