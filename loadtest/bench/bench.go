package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/provingground/provingground/deploy/local/server"
	"github.com/provingground/provingground/loadtest/machine"
)

const closeTimeout = 30 * time.Second

// bench is everything that runs while it is measured.
type bench struct {
	options
	say     io.Writer
	wrk     *wrk
	nginx   *nginx
	service *service
}

// open starts what is measured, or nothing.
func open(ctx context.Context, o options, say io.Writer) (*bench, error) {
	cloud, err := server.Open(ctx, server.Options{Provider: server.Native, Out: say})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errUsage, err)
	}
	b := &bench{options: o, say: say}
	if b.wrk, err = findWrk(ctx, cloud); err != nil {
		return nil, err
	}
	if b.nginx, err = startNginx(ctx, cloud); err != nil {
		return nil, err
	}
	if b.service, err = startService(ctx, cloud, o.row, say); err != nil {
		return nil, errors.Join(err, b.close(ctx))
	}
	return b, nil
}

// close ends what open started, also when ctx is over.
func (b *bench) close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	return errors.Join(b.service.close(ctx), b.nginx.close(ctx))
}

// cases are the rows of the table, in its order.
func (b *bench) cases() []pairing {
	api, nginx := b.service.processes(), b.nginx.processes()
	return []pairing{
		{"loadtest at 10,000/s → api ×2", api, b.atRate(b.service.redirects())},
		{"loadtest at 10,000/s → nginx", nginx, b.atRate(b.nginx.redirects(b.row))},
		{"wrk, all it can → nginx", nginx, b.atMost(b.nginx.url)},
		{"wrk, all it can → api ×1, one hot link", api, b.atMost(b.service.hot)},
		{"loadtest, all it can → nginx", nginx, b.saturated(b.nginx.saturating(b.row))},
	}
}

// pairing is a client that puts load on a server.
type pairing struct {
	name   string
	server []machine.Process
	load   func(context.Context) (sample, error)
}

// measure takes the pairings in turn, so that what changes on the machine over
// the minutes changes for all of them.
func (b *bench) measure(ctx context.Context) ([]row, error) {
	cases := b.cases()
	rows := make([]row, len(cases))
	for round := range b.rounds {
		for i, c := range cases {
			fmt.Fprintf(b.say, "round %d of %d: %s\n", round+1, b.rounds, c.name)
			s, err := b.once(ctx, c)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", c.name, err)
			}
			rows[i].name = c.name
			rows[i].samples = append(rows[i].samples, s)
		}
	}
	return rows, nil
}

// once measures one pairing. The processor time is that of the whole load, its
// start and end included, as the requests are.
func (b *bench) once(ctx context.Context, c pairing) (sample, error) {
	all := b.processes()
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

// processes lists every part of the run: one that is missing would count as ours.
func (b *bench) processes() []machine.Process {
	all := append([]machine.Process{self()}, b.service.processes()...)
	all = append(all, b.service.stores()...)
	return append(all, b.nginx.processes()...)
}

func self() machine.Process {
	return machine.Process{Name: "bench", Group: machine.Generator, PID: os.Getpid()}
}
