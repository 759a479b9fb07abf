//go:build unix

package stack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/provingground/provingground/deploy/local/process"
	"github.com/provingground/provingground/deploy/local/server"
)

// readyTime bounds how long a role may take until it is ready.
const readyTime = 30 * time.Second

// errNotReady says that a process runs and is not ready.
var errNotReady = fmt.Errorf("not ready within %v", readyTime)

var errPortTaken = errors.New("the port is taken by another program")

// Instance is one process of a role. It keeps its ports over restarts.
type Instance struct {
	Role     string
	Index    int    // 0 is the one that PUBLIC_URL names
	URL      string // of the public listener
	AdminURL string // of metrics and administration
	Spare    bool   // runs only while the backlog of its role's queue needs it

	name    string  // slug/role/index
	program string  // of a Worker the folder of its modules
	runner  *runner // of a Worker or a function
	next    string  // the program of the next version, if one was built
	port    int
	admin   int
	env     []string
	log     string
	stack   *Stack

	container *server.Running // instead of a process

	mu      sync.Mutex
	process *process.Process
	asked   bool // somebody asked the process to end
}

// Start starts the process, on the same ports as before, and returns when
// /readyz says so.
func (in *Instance) Start(ctx context.Context) error {
	if in.container != nil {
		in.mu.Lock()
		in.asked = false
		in.mu.Unlock()
		return in.container.Restart(ctx)
	}
	spec := process.Spec{Name: in.name, Path: in.program, Env: in.env, Log: in.log}
	if in.runner != nil {
		spec = in.runner.spec(spec)
	}
	p, err := process.Start(spec)
	if err != nil {
		return err
	}
	in.mu.Lock()
	in.process, in.asked = p, false
	in.mu.Unlock()
	if err := in.stack.remember(in, p.ID()); err != nil {
		return err
	}
	return in.awaitReady(ctx, p)
}

// Upgrade starts the process in the version that Stack.BuildNext made, or again
// in its own if there is none, and returns when it is ready.
func (in *Instance) Upgrade(ctx context.Context) error {
	in.mu.Lock()
	next := in.next
	in.mu.Unlock()
	switch {
	case next == "":
	case in.container != nil:
		if err := in.container.Replace(ctx, next, inContainer(in.stack.options.Scenario.Role(in.Role))); err != nil {
			return err
		}
	default:
		in.program = next
	}
	return in.Start(ctx)
}

func (in *Instance) awaitReady(ctx context.Context, p *process.Process) error {
	ctx, cancel := context.WithTimeoutCause(ctx, readyTime, errNotReady)
	defer cancel()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: time.Second}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	answer := errors.New("nobody listens yet")
	for {
		select {
		case <-p.Done():
			in.expectEnd() // reported here
			if !server.PortFree(in.port) || !server.PortFree(in.admin) {
				return fmt.Errorf("%s: port %d or %d: %w: %w", in.name, in.port, in.admin, errPortTaken, p.Err())
			}
			return p.Err()
		case <-ctx.Done():
			return fmt.Errorf("%s: %w: %w; the end of its log:\n%s", in.name, context.Cause(ctx), answer, p.Tail(12))
		case <-tick.C:
		}
		if !p.ID().Listens(in.port) {
			continue
		}
		if answer = ready(ctx, client, in.URL+"/readyz"); answer == nil {
			return nil
		}
	}
}

func ready(ctx context.Context, client *http.Client, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 512))
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("/readyz answers %s: %.200s", resp.Status, text)
	}
	return nil
}

// Self is what the process that runs now calls itself by its host's name and its
// id, as host/pid. In a container both are the container's own.
func (in *Instance) Self() string {
	if in.container != nil {
		return in.container.Host() + "/1"
	}
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return fmt.Sprintf("%s/%d", host, in.PID())
}

// Process returns the process that runs now or ran last; nil before Start and for
// a container.
func (in *Instance) Process() *process.Process {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.process
}

// PID returns the id of that process, or of a container's on this machine, or 0
// before Start and where another machine has it.
func (in *Instance) PID() int {
	if in.container != nil {
		return in.container.PID()
	}
	if p := in.Process(); p != nil {
		return p.PID()
	}
	return 0
}

// Kill ends the process with SIGKILL and returns when it is gone.
func (in *Instance) Kill() error {
	p := in.expectEnd()
	if in.container != nil {
		return in.container.Kill()
	}
	if p != nil {
		return p.Kill()
	}
	return nil
}

// Pause stops the process where it is.
func (in *Instance) Pause() error {
	if in.container != nil {
		return in.container.Pause()
	}
	return in.Process().Pause()
}

// Resume continues a paused process.
func (in *Instance) Resume() error {
	if in.container != nil {
		return in.container.Resume()
	}
	return in.Process().Resume()
}

// Stop asks the process to end (SIGTERM), kills it when ctx ends first, and
// returns an error unless it ended by itself with exit code 0. A container has ten
// seconds for it.
func (in *Instance) Stop(ctx context.Context) error {
	p := in.expectEnd()
	if in.container != nil {
		return in.container.Stop()
	}
	if p == nil {
		return nil
	}
	if err := p.Stop(ctx); err != nil {
		return err
	}
	if p.ExitCode() != 0 {
		return p.Err()
	}
	return nil
}

// expectEnd notes that the end of the process is wanted.
func (in *Instance) expectEnd() *process.Process {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.asked = true
	return in.process
}

// close ends what runs and reports what ended without having been asked.
func (in *Instance) close(ctx context.Context) error {
	in.mu.Lock()
	p, asked := in.process, in.asked
	in.mu.Unlock()
	if in.container != nil && !asked && !in.container.Alive() {
		return fmt.Errorf("%s: its container ended by itself; the end of its log:\n%s", in.name, in.container.Tail(12))
	}
	if p == nil {
		return nil
	}
	select {
	case <-p.Done():
		if asked {
			return in.stack.forget(in)
		}
		return errors.Join(p.Err(), in.stack.forget(in))
	default:
	}
	return errors.Join(in.Stop(ctx), in.stack.forget(in))
}
