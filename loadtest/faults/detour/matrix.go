//go:build unix

package detour

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/provingground/provingground/loadtest/faults/proxy"
)

// A Step is an operation of a clean run: the nth of its name on its server. With
// a When it is one row of a kill matrix.
type Step struct {
	Server string
	proxy.Step
}

// String returns "dynamodb: PutItem links (2)".
func (s Step) String() string { return fmt.Sprintf("%s: %s (%d)", s.Server, s.Operation, s.Nth) }

// Steps returns what was recorded on all servers since the last Clear, in the
// order of time, of each name on each server at most the first limit: a new
// operation of the scenario adds its own rows to the matrix.
func (d *Detour) Steps(limit int) []Step {
	type recorded struct {
		server string
		proxy.Record
	}
	var all []recorded
	for _, name := range d.Names() {
		for _, r := range d.proxies[name].Recording().Records {
			all = append(all, recorded{name, r})
		}
	}
	slices.SortStableFunc(all, func(a, b recorded) int { return cmp.Compare(a.At.UnixNano(), b.At.UnixNano()) })
	var steps []Step
	seen := map[[2]string]int{}
	for _, r := range all {
		key := [2]string{r.server, r.Operation}
		if seen[key]++; seen[key] <= limit {
			steps = append(steps, Step{r.server, proxy.Step{Operation: r.Operation, Nth: seen[key]}})
		}
	}
	return steps
}

// Clear forgets what was counted and recorded on all servers.
func (d *Detour) Clear() {
	for _, p := range d.proxies {
		p.Clear()
	}
}

// KillAt switches on a Kill at a step, counted from now. No operation passes on
// any of the proxies while the function runs, which returns when the process is gone.
func (d *Detour) KillAt(s Step, when proxy.When, kill func() error) (*proxy.Injected, error) {
	p, err := d.find(s.Server)
	if err != nil {
		return nil, err
	}
	return p.KillAt(s.Operation, s.Nth, when, kill)
}
