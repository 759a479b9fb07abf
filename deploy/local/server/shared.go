//go:build unix

package server

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/provingground/provingground/deploy/local/process"
)

// Up starts the clone's long-lived servers, or finds them running, and returns
// when all answer. They outlive this process, keep their ports and their state,
// and end with Down. Several processes may call it at once.
func (c *Cloud) Up(ctx context.Context, names ...string) (*Set, error) {
	defs, err := find(names)
	if err != nil {
		return nil, err
	}
	unlock, err := c.lock(ctx, "up")
	if err != nil {
		return nil, err
	}
	defer unlock()
	set := &Set{servers: map[string]*Running{}}
	var ours []Definition
	for _, d := range defs {
		r, err := c.fromEnvironment(d)
		if err != nil {
			return nil, err
		}
		if r == nil {
			ours = append(ours, d)
			continue
		}
		set.servers[d.Name] = r
	}
	if c.provider == Docker {
		return set, c.composeUp(ctx, set, ours)
	}
	ports, err := c.ports(ours)
	if err != nil {
		return nil, err
	}
	return set, set.fill(ours, func(d Definition) (*Running, error) {
		return c.upNative(ctx, d, ports[d.Name], ports[second(d.Name)], set.addr(d.behind))
	})
}

// ports settles every port before anything starts, one after the other. A server
// that runs already keeps its own: 0 stands for it.
func (c *Cloud) ports(defs []Definition) (map[string]int, error) {
	ports := map[string]int{}
	for _, d := range defs {
		r, found, err := c.Recorded(d.Name)
		if err != nil {
			return nil, err
		}
		if found && r.Container != "" {
			return nil, configuration("%s runs in Docker: end it with `go run ./deploy/local down` first, or set PROVIDER=docker", d.Name)
		}
		if found && r.Process.Alive() && r.Kind != d.kind {
			return nil, configuration("%s runs as %s, and %s is wanted: end it with `go run ./deploy/local down` first", d.Name, r.Kind, d.kind)
		}
		if found && r.Process.Alive() {
			continue
		}
		if ports[d.Name], err = c.port(d.Name, d.PortVariable); err != nil {
			return nil, err
		}
		if d.second == nil {
			continue
		}
		if ports[second(d.Name)], err = c.port(second(d.Name), ""); err != nil {
			return nil, err
		}
	}
	return ports, nil
}

// second is the key of a server's second port.
func second(name string) string { return name + "/second" }

func (c *Cloud) upNative(ctx context.Context, d Definition, port, second int, behind string) (*Running, error) {
	p, err := d.program(ctx, &installer{root: c.root, progress: c.progress})
	if err != nil {
		return nil, err
	}
	n := c.sharedNative(d, port)
	n.program, n.second, n.behind = p, second, behind
	if port == 0 {
		return c.attach(ctx, n)
	}
	c.progress.say("starting %s on %s", d.Name, n.addr())
	if err := n.start(ctx); err != nil {
		return nil, errors.Join(err, c.Forget(d.Name))
	}
	return &Running{Name: d.Name, Addr: n.addr(), Provider: Native, def: d, env: n.env(), ctl: n}, nil
}

func (c *Cloud) sharedNative(d Definition, port int) *native {
	n := &native{
		def: d, port: port, detached: true,
		state: filepath.Join(c.root, "state", d.Name), log: filepath.Join(c.root, "log", d.Name+".log"),
	}
	n.started = func(id process.ID) error {
		return c.Remember(Record{Name: d.Name, Server: true, Provider: Native, Kind: n.def.kind, Process: id, Port: n.port, Second: n.second, Log: n.log})
	}
	return n
}

// attach uses the recorded process, which may have been started by another
// process a moment ago and may still be loading its state.
func (c *Cloud) attach(ctx context.Context, n *native) (*Running, error) {
	r, found, err := c.Recorded(n.def.Name)
	if err != nil || !found {
		return nil, errors.Join(err, fmt.Errorf("%s ended meanwhile", n.def.Name))
	}
	n.port, n.second, n.id = r.Port, r.Second, r.Process
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	for n.def.healthy(ctx, n.addr()) != nil {
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("%s (process %d) runs but does not answer on %s: end it with `go run ./deploy/local down`", n.def.Name, n.pid(), n.addr())
		case <-time.After(20 * time.Millisecond):
		}
	}
	return &Running{Name: n.def.Name, Addr: n.addr(), Provider: Native, def: n.def, env: n.env(), ctl: n}, nil
}

// Down ends every recorded server and role, roles first, and returns when nothing
// of them runs. What native servers stored stays; containers are removed with
// what they held. With names only those servers end.
func (c *Cloud) Down(ctx context.Context, names ...string) error {
	unlock, err := c.lock(ctx, "up")
	if err != nil {
		return err
	}
	defer unlock()
	records, err := c.Records()
	if err != nil {
		return err
	}
	var errs []error
	if len(names) == 0 && usesDocker(records) {
		errs = append(errs, c.composeDown(ctx, records))
		records = slices.DeleteFunc(records, func(r Record) bool { return r.Container != "" })
	}
	for _, servers := range []bool{false, true} {
		for _, r := range records {
			if r.Server == servers && (len(names) == 0 || slices.Contains(names, r.Name)) {
				errs = append(errs, c.end(ctx, r))
			}
		}
	}
	return errors.Join(errs...)
}

func (c *Cloud) end(ctx context.Context, r Record) error {
	if r.Container != "" {
		if err := docker(ctx, "stop", r.Container); err != nil {
			return fmt.Errorf("%s: %w", r.Name, err)
		}
		return c.Forget(r.Name)
	}
	if r.Process.Alive() {
		c.progress.say("ending %s (process %d)", r.Name, r.Process.PID)
	}
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	d, err := Find(r.Name)
	if err != nil {
		d = Definition{} // it is a role
	}
	if err := r.Process.End(ctx, d.end()); err != nil {
		return fmt.Errorf("%s: %w", r.Name, err)
	}
	return c.Forget(r.Name)
}

// Status is the state of one recorded server or role.
type Status struct {
	Record
	State string // healthy, not answering, crashed
	Tail  string // of the log, for what is not healthy
}

// Status looks at everything that is recorded.
func (c *Cloud) Status(ctx context.Context) ([]Status, error) {
	records, err := c.Records()
	if err != nil {
		return nil, err
	}
	var all []Status
	for _, r := range records {
		s := Status{Record: r, State: c.state(ctx, r)}
		if s.State != "healthy" {
			s.Tail = r.tail(ctx, 8)
		}
		all = append(all, s)
	}
	return all, nil
}

func (c *Cloud) state(ctx context.Context, r Record) string {
	alive := r.Process.Alive()
	if r.Container != "" {
		alive = container{id: r.Container}.alive(ctx)
	}
	if !alive {
		return "crashed"
	}
	d, err := Find(r.Name)
	if err != nil {
		d.Health = getReady // it is a role
	}
	if d.healthy(ctx, r.Addr()) != nil {
		return "not answering"
	}
	return "healthy"
}
