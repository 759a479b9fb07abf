// Package drills plans the five drills that mean the same in every scenario:
//
//   - deploy: each process is replaced by the next version, one after the other;
//   - overload: twice what is admitted arrives, and then no longer;
//   - lostack: a server's answer is lost after it did what it was asked;
//   - freeze: a process stands still for longer than a lease, and then goes on;
//   - outage: a dependency is away for longer than a message may wait.
//
// What they need to know of a scenario stands in its catalogue entry.
package drills

import (
	"github.com/provingground/provingground/loadtest/trial"
	"github.com/provingground/provingground/scenarios"
)

// Plan returns a drill for a running scenario: one of the five, or the driver's own.
func Plan(d scenarios.Drill, s trial.Setup, driver trial.Driver) (*trial.Drill, error) {
	switch d.Name {
	case "deploy":
		return deploy(d, s, driver.Next()), nil
	case "overload":
		return overload(d, s), nil
	case "lostack":
		return lostack(d, s)
	case "freeze":
		return freeze(d, s)
	case "outage":
		return outage(d, s)
	}
	return driver.Drill(d)
}
