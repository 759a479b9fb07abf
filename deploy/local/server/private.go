//go:build unix

package server

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"syscall"

	"github.com/provingground/provingground/deploy/local/process"
)

// Start starts private servers on free ports, each with an empty state folder,
// and returns when all answer. Close ends them; so does the end of this process,
// whatever ends it (on Linux, for native servers). A server that the environment
// names is used as it is.
func (c *Cloud) Start(ctx context.Context, names ...string) (*Set, error) {
	defs, err := find(names)
	if err != nil {
		return nil, err
	}
	home, err := c.privateFolder(ctx)
	if err != nil {
		return nil, err
	}
	set := &Set{servers: map[string]*Running{}, dir: home.path}
	net, err := c.networkOf(ctx, defs, filepath.Base(home.path))
	if err != nil {
		return nil, errors.Join(err, home.remove())
	}
	set.release = func() error { return errors.Join(endAll(set), net.remove(), home.remove()) }
	if err := set.fill(defs, func(d Definition) (*Running, error) {
		return c.private(ctx, d, place{home.path, set.addr(d.behind), net})
	}); err != nil {
		return nil, errors.Join(err, set.Close())
	}
	return set, nil
}

// fill starts all servers at once, then those that stand in front of others, and
// keeps those that did start.
func (s *Set) fill(defs []Definition, start func(Definition) (*Running, error)) error {
	var first, then []Definition
	for _, d := range defs {
		if d.behind == "" {
			first = append(first, d)
		} else {
			then = append(then, d)
		}
	}
	if err := s.fillAtOnce(first, start); err != nil {
		return err
	}
	for _, d := range then {
		if s.servers[d.behind] == nil {
			return configuration("%s stands in front of %s: name both", d.Name, d.behind)
		}
	}
	return s.fillAtOnce(then, start)
}

func (s *Set) fillAtOnce(defs []Definition, start func(Definition) (*Running, error)) error {
	var (
		mu   sync.Mutex
		all  sync.WaitGroup
		errs []error
	)
	for _, d := range defs {
		all.Go(func() {
			r, err := start(d)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				errs = append(errs, err)
				return
			}
			s.servers[d.Name] = r
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

// addr returns the host:port of a server of the set, or nothing.
func (s *Set) addr(name string) string {
	if r := s.servers[name]; r != nil {
		return r.Addr
	}
	return ""
}

func find(names []string) ([]Definition, error) {
	var defs []Definition
	for _, name := range slices.Compact(slices.Sorted(slices.Values(names))) {
		d, err := Find(name)
		if err != nil {
			return nil, err
		}
		defs = append(defs, d)
	}
	return defs, nil
}

// place is where a private server runs.
type place struct {
	home   string // folder of the set
	behind string // host:port of the server that it stands in front of
	net    network
}

func (c *Cloud) private(ctx context.Context, d Definition, in place) (*Running, error) {
	if r, err := c.fromEnvironment(d); r != nil || err != nil {
		return r, err
	}
	var last error
	for range 5 { // another program may take the port between the probe and the start
		ports, err := FreePorts(2)
		if err != nil {
			return nil, err
		}
		r, err := c.startPrivate(ctx, d, in, ports)
		if !errors.Is(err, errPortTaken) {
			return r, err
		}
		last = err
	}
	return nil, last
}

func (c *Cloud) startPrivate(ctx context.Context, d Definition, in place, ports []int) (*Running, error) {
	if c.provider == Docker {
		return c.startContainer(ctx, d, in.net, ports[0])
	}
	p, err := d.program(ctx, &installer{root: c.root, progress: c.progress})
	if err != nil {
		return nil, err
	}
	n := &native{
		def: d, program: p, port: ports[0], second: ports[1], behind: in.behind,
		state: filepath.Join(in.home, d.Name), log: filepath.Join(in.home, d.Name+".log"),
		started: func(process.ID) error { return nil },
	}
	if err := n.start(ctx); err != nil {
		return nil, err
	}
	return &Running{Name: d.Name, Addr: n.addr(), Provider: Native, def: d, env: n.env(), ctl: n}, nil
}

// fromEnvironment returns nil without error when the server is to be started.
func (c *Cloud) fromEnvironment(d Definition) (*Running, error) {
	if c.forced && c.provider != Env {
		return nil, nil
	}
	value, ok := d.given()
	if ok {
		return &Running{Name: d.Name, Addr: hostPort(value), Provider: Env, def: d, env: d.pointed(value)}, nil
	}
	if c.provider == Env {
		return nil, configuration("PROVIDER=env, but %s is not set, so there is no %s", d.wanted(), d.Name)
	}
	return nil, nil
}

// Given returns the first of the named servers that a variable points at, or nothing.
func (c *Cloud) Given(names ...string) (string, error) {
	defs, err := find(names)
	if err != nil {
		return "", err
	}
	for _, d := range defs {
		if _, ok := d.given(); ok && !(c.forced && c.provider != Env) {
			return d.Name, nil
		}
	}
	return "", nil
}

func endAll(s *Set) error {
	var errs []error
	for _, name := range s.Names() {
		if r := s.servers[name]; r.ctl != nil {
			errs = append(errs, r.do(control.discard))
		}
	}
	return errors.Join(errs...)
}

// folder is a private folder, locked as long as its owner lives.
type folder struct {
	path string
	lock *os.File
}

// privateFolder makes one and removes those whose owner was killed.
func (c *Cloud) privateFolder(ctx context.Context) (folder, error) {
	unlock, err := c.lock(ctx, "private")
	if err != nil {
		return folder{}, err
	}
	defer unlock()
	all := filepath.Join(c.root, "private")
	if err := os.MkdirAll(all, 0o755); err != nil {
		return folder{}, err
	}
	path, err := os.MkdirTemp(all, strconv.Itoa(os.Getpid())+"-")
	if err != nil {
		return folder{}, err
	}
	lock, err := lockedFile(path + ".lock")
	if err != nil {
		return folder{}, errors.Join(err, os.RemoveAll(path))
	}
	return folder{path: path, lock: lock}, removeOrphans(all)
}

func lockedFile(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func removeOrphans(all string) error {
	locks, err := filepath.Glob(filepath.Join(all, "*.lock"))
	if err != nil {
		return err
	}
	for _, path := range locks {
		f, err := lockedFile(path)
		if err != nil {
			continue // its owner lives
		}
		orphan := folder{path: path[:len(path)-len(".lock")], lock: f}
		if err := orphan.remove(); err != nil {
			return err
		}
	}
	return nil
}

func (f folder) remove() error {
	err := os.Remove(f.path + ".lock")
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return errors.Join(os.RemoveAll(f.path), err, f.lock.Close())
}
