//go:build unix

package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/provingground/provingground/deploy/local/process"
)

// startTime bounds how long a native server may take until it answers.
const startTime = 60 * time.Second

var errPortTaken = errors.New("the port is taken by another program")

// native is a server that runs as a process of this machine.
type native struct {
	def      Definition
	program  program
	state    string // folder: what the server stores
	log      string // file
	port     int
	second   int    // its second port, if it has one
	behind   string // host:port of the server that it stands in front of
	detached bool
	started  func(process.ID) error // told whenever a process starts

	mu sync.Mutex
	id process.ID
}

func (n *native) addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(n.port)) }

// env is what points at it.
func (n *native) env() map[string]string {
	env := n.def.Env(n.addr())
	if n.def.second != nil {
		maps.Copy(env, n.def.second.env(net.JoinHostPort("127.0.0.1", strconv.Itoa(n.second))))
	}
	return env
}

func (n *native) start(ctx context.Context) error {
	if err := errors.Join(os.MkdirAll(n.state, 0o700), os.MkdirAll(filepath.Dir(n.log), 0o755)); err != nil {
		return err
	}
	if err := n.prepare(ctx); err != nil {
		return err
	}
	if err := n.configure(); err != nil {
		return err
	}
	args, env := n.def.launch(n.state, n.port)
	if n.def.second != nil {
		args = append(args, n.def.second.args(n.second)...)
	}
	p, err := process.Start(n.spec(n.program.path, slices.Concat(n.program.args, args), env))
	if err != nil {
		return err
	}
	n.set(p.ID())
	if err := n.started(p.ID()); err != nil {
		return errors.Join(err, p.Kill())
	}
	return n.await(ctx, p)
}

func (n *native) spec(path string, args, env []string) process.Spec {
	base := []string{"PATH=/usr/local/bin:/usr/bin:/bin", "LANG=C.UTF-8", "HOME=" + n.state, "TMPDIR=" + n.state}
	return process.Spec{
		Name: n.def.Name, Path: path, Args: args, Env: slices.Concat(base, n.program.env, env),
		Dir: n.state, Log: n.log, Detached: n.detached, User: n.user(),
	}
}

func (n *native) user() uint32 {
	if n.def.user == nil {
		return 0
	}
	return n.def.user()
}

// prepare runs what must be run once before the first start, in a state folder
// that belongs to the server's user. A stamp says that it ended well; without it
// all begins anew.
func (n *native) prepare(ctx context.Context) error {
	stamp := filepath.Join(n.state, ".prepared")
	if _, err := os.Stat(stamp); n.def.prepare == nil || err == nil {
		return nil
	}
	if err := errors.Join(os.RemoveAll(n.state), os.Mkdir(n.state, 0o700)); err != nil {
		return err
	}
	if user := n.user(); user != 0 {
		if err := os.Chown(n.state, int(user), int(user)); err != nil {
			return err
		}
	}
	path, args := n.def.prepare(n.program, n.state)
	spec := n.spec(path, args, nil)
	spec.Detached = false
	if err := process.Run(ctx, spec); err != nil {
		return fmt.Errorf("prepare %s: %w", n.def.Name, err)
	}
	return os.WriteFile(stamp, nil, 0o600)
}

// configure writes the files that the server is told by, for its user to read.
func (n *native) configure() error {
	if n.def.configure == nil {
		return nil
	}
	if err := n.def.configure(n.state, n.port, n.behind); err != nil {
		return err
	}
	user := n.user()
	if user == 0 {
		return nil
	}
	return filepath.WalkDir(n.state, func(name string, _ fs.DirEntry, err error) error {
		return errors.Join(err, os.Chown(name, int(user), int(user)))
	})
}

// await returns when the process itself holds the port and answers on it: an
// answer alone might be somebody else's server.
func (n *native) await(ctx context.Context, p *process.Process) error {
	ctx, cancel := context.WithTimeoutCause(ctx, startTime, fmt.Errorf("no answer on %s within %v", n.addr(), startTime))
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-p.Done():
			if !PortFree(n.port) || n.def.second != nil && !PortFree(n.second) {
				return fmt.Errorf("%s: port %d or %d: %w", n.def.Name, n.port, n.second, errPortTaken)
			}
			return p.Err()
		case <-ctx.Done():
			err := fmt.Errorf("%s: %w; the end of its log:\n%s", n.def.Name, context.Cause(ctx), p.Tail(12))
			return errors.Join(err, p.Kill())
		case <-tick.C:
		}
		if p.ID().Listens(n.port) && n.def.healthy(ctx, n.addr()) == nil {
			return nil
		}
	}
}

func (n *native) set(id process.ID) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.id = id
}

func (n *native) get() process.ID {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.id
}

func (n *native) pid() int                                 { return n.get().PID }
func (n *native) alive(context.Context) bool               { return n.get().Alive() }
func (n *native) kill(context.Context) error               { return n.get().Kill() }
func (n *native) pause(context.Context) error              { return n.get().Pause() }
func (n *native) resume(context.Context) error             { return n.get().Resume() }
func (n *native) tail(_ context.Context, lines int) string { return process.Tail(n.log, 0, lines) }

func (n *native) discard(context.Context) error { return n.get().Kill() }

func (n *native) stop(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	return n.get().End(ctx, n.def.end())
}
