//go:build unix

package main

import (
	"cmp"
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/provingground/provingground/deploy/local/server"
)

func status(ctx context.Context, w world, args []string) error {
	if len(args) > 0 {
		return usageError{"status takes no argument"}
	}
	c, err := w.look()
	if err != nil {
		return err
	}
	all, err := c.Status(ctx)
	if err != nil {
		return err
	}
	if len(all) == 0 {
		fmt.Fprintln(w.out, "nothing runs: `make up` starts the servers")
		return nil
	}
	const row = "%-22s %-9s %-8s %-22s %s\n"
	fmt.Fprintf(w.out, row, "NAME", "PROVIDER", "PID", "ADDRESS", "STATE")
	for _, s := range all {
		pid := "-"
		if s.Container == "" {
			pid = strconv.Itoa(s.Process.PID)
		}
		fmt.Fprintf(w.out, row, s.Name, s.Provider, pid, cmp.Or(s.Addr(), "-"), w.coloured(s.State))
		if s.Tail != "" {
			fmt.Fprintf(w.out, "  | %s\n", strings.ReplaceAll(s.Tail, "\n", "\n  | "))
		}
	}
	return nil
}

func (w world) coloured(state string) string {
	if !w.colour {
		return state
	}
	code := "31" // red
	if state == "healthy" {
		code = "32"
	}
	return "\x1b[" + code + "m" + state + "\x1b[0m"
}

func logs(ctx context.Context, w world, args []string) error {
	if _, err := servers(args); err != nil {
		return err
	}
	c, err := w.look()
	if err != nil {
		return err
	}
	return c.Logs(ctx, w.out, 40, args...)
}

// look opens the cloud to see what was recorded: no provider is chosen for it.
func (w world) look() (*server.Cloud, error) { return server.Recall(w.root, w.err) }
