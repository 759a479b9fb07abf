//go:build unix

package server

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// container is a server that runs in a Docker container.
type container struct {
	id   string
	def  Definition
	addr string
}

func docker(ctx context.Context, args ...string) error {
	_, err := run(ctx, nil, "docker", args...)
	return err
}

func (k container) kill(ctx context.Context) error   { return docker(ctx, "kill", k.id) }
func (k container) pause(ctx context.Context) error  { return docker(ctx, "pause", k.id) }
func (k container) resume(ctx context.Context) error { return docker(ctx, "unpause", k.id) }

// pid is that of the container's first process, if the engine counts processes as
// this machine does.
func (k container) pid() int {
	ctx, cancel := context.WithTimeout(context.Background(), controlTime)
	defer cancel()
	out, err := run(ctx, nil, "docker", "inspect", "--format", "{{.State.Pid}}", k.id)
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(strings.TrimSpace(out))
	if err != nil {
		return 0
	}
	group, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	if err != nil || !strings.Contains(string(group), k.id) {
		return 0
	}
	return pid
}

func (k container) discard(ctx context.Context) error {
	return docker(ctx, "rm", "--force", "--volumes", k.id)
}

func (k container) stop(ctx context.Context) error {
	if !k.alive(ctx) {
		return nil
	}
	return docker(ctx, "stop", "--time", "10", k.id)
}

// Host is the name that a container's programs find for their host; of a process it
// is empty.
func (r *Running) Host() string {
	k, ok := r.ctl.(container)
	if !ok {
		return ""
	}
	return k.id[:min(12, len(k.id))]
}

// Replace puts a file or folder of this machine in the place of one in the server's
// container, which stands still and starts with it.
func (r *Running) Replace(ctx context.Context, with, path string) error {
	k, ok := r.ctl.(container)
	if !ok {
		return fmt.Errorf("%s does not run in a container", r.Name)
	}
	// A folder's content, else the folder itself would come to lie in the other.
	if info, err := os.Stat(with); err != nil {
		return err
	} else if info.IsDir() {
		with += "/."
	}
	return docker(ctx, "cp", with, k.id+":"+path)
}

func (k container) alive(ctx context.Context) bool {
	out, err := run(ctx, nil, "docker", "inspect", "--format", "{{.State.Running}}", k.id)
	return err == nil && strings.TrimSpace(out) == "true"
}

func (k container) start(ctx context.Context) error {
	if err := docker(ctx, "start", k.id); err != nil {
		return err
	}
	return k.await(ctx)
}

func (k container) tail(ctx context.Context, lines int) string {
	out, err := run(ctx, nil, "docker", "logs", "--tail", strconv.Itoa(lines), k.id)
	if err != nil {
		return err.Error()
	}
	return strings.TrimRight(out, "\n")
}

func (k container) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, 2*startTime, fmt.Errorf("no answer on %s within %v", k.addr, 2*startTime))
	defer cancel()
	for k.def.healthy(ctx, k.addr) != nil {
		if !k.alive(ctx) && ctx.Err() == nil {
			return fmt.Errorf("%s: its container ended; the end of its log:\n%s", k.def.Name, k.tail(ctx, 12))
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s: %w", k.def.Name, context.Cause(ctx))
		case <-time.After(100 * time.Millisecond):
		}
	}
	return nil
}

// AwaitEnd returns when ctx ends (nil), or when the container of a recorded server or
// role ends that nobody asked to.
func (c *Cloud) AwaitEnd(ctx context.Context, names ...string) error {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error, len(names))
	var waiting sync.WaitGroup
	defer waiting.Wait()
	defer cancel()
	for _, name := range names {
		r, found, err := c.Recorded(name)
		if err != nil || !found {
			return errors.Join(err, fmt.Errorf("%s is not recorded", name))
		}
		waiting.Go(func() {
			if _, err := run(ctx, nil, "docker", "wait", r.Container); err != nil {
				ended <- fmt.Errorf("%s: %w", name, err)
				return
			}
			ended <- fmt.Errorf("%s ended by itself; the end of its log:\n%s", name, r.tail(ctx, 12))
		})
	}
	select {
	case <-ctx.Done():
		return nil
	case err := <-ended:
		return err
	}
}

// network is one of Docker's, in which a set's containers find each other by their
// servers' names, also after a restart. Without a name it is that of all containers.
type network struct{ name string }

// networkOf makes one where a server stands in front of another.
func (c *Cloud) networkOf(ctx context.Context, defs []Definition, id string) (network, error) {
	if c.provider != Docker || !slices.ContainsFunc(defs, func(d Definition) bool { return d.behind != "" }) {
		return network{}, nil
	}
	n := network{"provingground-" + id}
	return n, docker(ctx, "network", "create", "--label", "provingground=private", n.name)
}

func (n network) args(d Definition) []string {
	if n.name == "" {
		return nil
	}
	return []string{"--network", n.name, "--network-alias", d.Name}
}

func (n network) remove() error {
	if n.name == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), controlTime)
	defer cancel()
	return docker(ctx, "network", "rm", n.name)
}

// startContainer runs a private server with a fixed host port, because Docker
// would choose a new one at every restart.
func (c *Cloud) startContainer(ctx context.Context, d Definition, in network, port int) (*Running, error) {
	args := []string{
		"run", "--detach", "--label", "provingground=private",
		"--publish", fmt.Sprintf("127.0.0.1:%d:%d", port, d.ContainerPort),
	}
	args = append(args, in.args(d)...)
	for _, name := range slices.Sorted(maps.Keys(d.ContainerEnv)) {
		args = append(args, "--env", name+"="+d.ContainerEnv[name])
	}
	args = append(append(args, d.Image.Name()), d.ContainerArgs...)
	var id string
	err := c.progress.step(ctx, "starting "+d.Name+" (image "+d.Image.Name()+")", func(ctx context.Context) error {
		out, err := run(ctx, nil, "docker", args...)
		id = lastLine(out)
		return err
	})
	if err != nil {
		return nil, err
	}
	return awaitContainer(ctx, d, id, port)
}

func awaitContainer(ctx context.Context, d Definition, id string, port int) (*Running, error) {
	k := container{id: id, def: d, addr: "127.0.0.1:" + strconv.Itoa(port)}
	if err := k.await(ctx); err != nil {
		return nil, errors.Join(err, k.discard(context.WithoutCancel(ctx)))
	}
	return &Running{Name: d.Name, Addr: k.addr, Provider: Docker, def: d, env: d.Env(k.addr), ctl: k}, nil
}

// StartContainers is Start with containers that the caller's run starts, each
// published on 127.0.0.1:port, and that Close removes. A library that manages
// containers is so kept out of this package.
func (c *Cloud) StartContainers(ctx context.Context, run func(ctx context.Context, d Definition, port int) (id string, err error), names ...string) (*Set, error) {
	defs, err := find(names)
	if err != nil {
		return nil, err
	}
	set := &Set{servers: map[string]*Running{}}
	set.release = func() error { return endAll(set) }
	err = set.fill(defs, func(d Definition) (*Running, error) {
		if r, err := c.fromEnvironment(d); r != nil || err != nil {
			return r, err
		}
		ports, err := FreePorts(1)
		if err != nil {
			return nil, err
		}
		id, err := run(ctx, d, ports[0])
		if err != nil {
			return nil, err
		}
		return awaitContainer(ctx, d, id, ports[0])
	})
	if err != nil {
		return nil, errors.Join(err, set.Close())
	}
	return set, nil
}

// lastLine skips what a pull printed before the container's id.
func lastLine(out string) string {
	out = strings.TrimSpace(out)
	return out[strings.LastIndexByte(out, '\n')+1:]
}
