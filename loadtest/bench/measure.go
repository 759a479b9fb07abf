package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/provingground/provingground/loadtest/machine"
)

// pairing is a client that puts load on a server.
type pairing struct {
	name   string
	server []machine.Process
	load   func(context.Context) (sample, error)
	single bool // measured in the first round only
}

// measure takes the pairings in turn, so that what changes on the machine over
// the minutes changes for all of them. The processes are all parts of the run.
func measure(ctx context.Context, rounds int, cases []pairing, all []machine.Process, say io.Writer) ([]row, error) {
	rows := make([]row, len(cases))
	for round := range rounds {
		for i, c := range cases {
			rows[i].name = c.name
			if c.single && round > 0 {
				continue
			}
			fmt.Fprintf(say, "round %d of %d: %s\n", round+1, rounds, c.name)
			s, err := once(ctx, c, all)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", c.name, err)
			}
			rows[i].samples = append(rows[i].samples, s)
		}
	}
	return rows, nil
}

// once measures one pairing. The processor time is that of the whole load, its
// start and end included, as the requests are.
func once(ctx context.Context, c pairing, all []machine.Process) (sample, error) {
	before, err := machine.Take(all...)
	if err != nil {
		return sample{}, err
	}
	s, err := c.load(ctx)
	if err != nil {
		return sample{}, err
	}
	after, err := machine.Take(all...)
	if err != nil {
		return sample{}, err
	}
	if ctx.Err() != nil {
		return sample{}, context.Cause(ctx)
	}
	used := machine.Between(before, after)
	s.server = cpuOf(used, c.server)
	if s.client == 0 { // not a process that has ended and told
		s.client = cpuOf(used, []machine.Process{self()})
	}
	s.others = used.Others
	return s, nil
}

func cpuOf(u machine.Usage, processes []machine.Process) (sum time.Duration) {
	for _, p := range processes {
		for _, used := range u.Processes {
			if used.PID == p.PID {
				sum += used.CPU
			}
		}
	}
	return sum
}

func self() machine.Process {
	return machine.Process{Name: "bench", Group: machine.Generator, PID: os.Getpid()}
}
