package main

import (
	"fmt"
	"os"

	"github.com/provingground/provingground/deploy/local/stack"
	"github.com/provingground/provingground/loadtest/engine"
	"github.com/provingground/provingground/loadtest/machine"
	"github.com/provingground/provingground/loadtest/report"
)

// window watches who uses the machine during the measured phase, and shows how
// the run goes.
type window struct {
	attempt *attempt
	warmUp  int // seconds
	from    machine.Snapshot
	to      machine.Snapshot
	live    *report.Progress
	err     error
}

// second is called by the engine as each second ends.
func (w *window) second(p engine.Progress) {
	w.open(p.Second)
	w.live.Show(p)
}

// open takes the first snapshot as the warm-up ends; before the first second, the last is -1.
func (w *window) open(second int) {
	if second == w.warmUp-1 {
		w.from = w.take()
	}
}

func (w *window) close() { w.to = w.take() }

func (w *window) take() machine.Snapshot {
	s, err := machine.Take(w.processes()...)
	if err != nil && w.err == nil {
		w.err = fmt.Errorf("who uses the machine: %w", err)
	}
	return s
}

func (w *window) usage() machine.Usage { return machine.Between(w.from, w.to) }

// processes are the parts of the run: us, the roles, the servers.
func (w *window) processes() []machine.Process {
	s := w.attempt.scene.stack
	all := []machine.Process{{Name: "loadtest", Group: machine.Generator, PID: os.Getpid()}}
	for _, i := range s.Instances {
		if i.PID() == 0 {
			continue // of another machine, which Docker's may be
		}
		all = append(all, machine.Process{Name: nameOf(i), Group: machine.Role, PID: i.PID()})
	}
	for _, name := range s.Servers.Names() {
		if pid := s.Servers.Get(name).PID(); pid != 0 {
			all = append(all, machine.Process{Name: name, Group: machine.Server, PID: pid})
		}
	}
	return all
}

func nameOf(i *stack.Instance) string { return fmt.Sprintf("%s %d", i.Role, i.Index) }
