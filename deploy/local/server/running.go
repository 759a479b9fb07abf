//go:build unix

package server

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// ErrNotOurs is returned by everything that would end or stop a server that a
// variable in the environment named.
var ErrNotOurs = errors.New("the server comes from the environment and is not ours to control")

// Running is one server that was started or found.
type Running struct {
	Name     string
	Addr     string // host:port
	Provider Provider

	def Definition
	env map[string]string
	ctl control
}

// control is how a server is held: as a process or as a container.
type control interface {
	pid() int
	kill(ctx context.Context) error
	pause(ctx context.Context) error
	resume(ctx context.Context) error
	stop(ctx context.Context) error
	alive(ctx context.Context) bool
	// start starts it again where it was, and returns when it answers.
	start(ctx context.Context) error
	tail(ctx context.Context, lines int) string
	// discard ends it for good.
	discard(ctx context.Context) error
}

// controlTime bounds what is done without a context of the caller's.
const controlTime = 30 * time.Second

// Env returns the variables that point at this server.
func (r *Running) Env() map[string]string { return maps.Clone(r.env) }

// PID returns the process id on this machine, or 0 for a container of another
// machine, which Docker's may be, and for a server that is not ours.
func (r *Running) PID() int {
	if r.ctl == nil {
		return 0
	}
	return r.ctl.pid()
}

// Alive reports whether the server's process or container exists. A paused one
// is alive; for a server that is not ours, one that answers is.
func (r *Running) Alive() bool {
	ctx, cancel := context.WithTimeout(context.Background(), controlTime)
	defer cancel()
	if r.ctl == nil {
		return r.def.Health(ctx, r.Addr) == nil
	}
	return r.ctl.alive(ctx)
}

// Healthy returns nil when the server answers within a second.
func (r *Running) Healthy(ctx context.Context) error { return r.def.healthy(ctx, r.Addr) }

// Kill ends the server with SIGKILL and returns when it is gone.
func (r *Running) Kill() error { return r.do(control.kill) }

// Pause stops the server where it is: connections stay open, nothing answers.
func (r *Running) Pause() error { return r.do(control.pause) }

// Resume continues a paused server.
func (r *Running) Resume() error { return r.do(control.resume) }

// Restart ends the server if it is there (SIGTERM, then SIGKILL) and starts it on
// the same port with the same state folder. It returns when the server answers.
func (r *Running) Restart(ctx context.Context) error {
	if r.ctl == nil {
		return fmt.Errorf("%s: %w", r.Name, ErrNotOurs)
	}
	if err := r.ctl.stop(ctx); err != nil {
		return fmt.Errorf("%s: %w", r.Name, err)
	}
	return r.ctl.start(ctx)
}

// Stop asks the server to end (SIGTERM, then SIGKILL) and returns when it is gone.
func (r *Running) Stop() error { return r.do(control.stop) }

// Tail returns the last lines of the server's log.
func (r *Running) Tail(lines int) string {
	if r.ctl == nil {
		return ""
	}
	ctx, cancel := context.WithTimeout(context.Background(), controlTime)
	defer cancel()
	return r.ctl.tail(ctx, lines)
}

func (r *Running) do(what func(control, context.Context) error) error {
	if r.ctl == nil {
		return fmt.Errorf("%s: %w", r.Name, ErrNotOurs)
	}
	ctx, cancel := context.WithTimeout(context.Background(), controlTime)
	defer cancel()
	if err := what(r.ctl, ctx); err != nil {
		return fmt.Errorf("%s: %w", r.Name, err)
	}
	return nil
}

func (d Definition) healthy(ctx context.Context, addr string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	return d.Health(ctx, addr)
}

// Set is the servers of one test, load run or clone.
type Set struct {
	servers map[string]*Running
	roles   map[string]*Running // that run in containers, too, by slug/role/index
	dir     string              // of private servers
	release func() error        // ends private servers; nil for long-lived ones
}

// Env returns the variables that point at all servers of the set.
func (s *Set) Env() map[string]string {
	env := map[string]string{}
	for _, name := range s.Names() {
		maps.Copy(env, s.servers[name].env)
	}
	return env
}

// Get returns a server of the set, or nil if it was not asked for.
func (s *Set) Get(name string) *Running { return s.servers[name] }

// Role returns the container of a role's process, named slug/role/index, or nil
// where roles are processes.
func (s *Set) Role(name string) *Running { return s.roles[name] }

// Dir returns the private folder of the set, which Close removes; it is empty for
// long-lived servers.
func (s *Set) Dir() string { return s.dir }

// Names returns the names of the servers in the set, sorted.
func (s *Set) Names() []string { return slices.Sorted(maps.Keys(s.servers)) }

// Close ends private servers and removes what they stored. Long-lived ones and
// those from the environment stay.
func (s *Set) Close() error {
	if s.release == nil {
		return nil
	}
	release := s.release
	s.release = nil
	return release()
}
