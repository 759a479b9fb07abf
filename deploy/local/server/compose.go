//go:build unix

package server

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// compose runs docker compose on the repository's file, in the clone's project.
func (c *Cloud) compose(ctx context.Context, env []string, args ...string) (string, error) {
	return c.composeIn(ctx, c.project(), env, args...)
}

// project is named for the clone, so that two clones live side by side.
func (c *Cloud) project() string {
	sum := fnv.New32a()
	sum.Write([]byte(c.root))
	return fmt.Sprintf("provingground-%08x", sum.Sum32())
}

func (c *Cloud) composeIn(ctx context.Context, project string, env []string, args ...string) (string, error) {
	file := filepath.Join(filepath.Dir(c.root), "docker-compose.yml")
	if _, err := os.Stat(file); err != nil {
		return "", err
	}
	return run(ctx, env, "docker", append([]string{"compose", "--project-name", project, "--file", file}, args...)...)
}

// composeUp starts the named services and records their containers.
func (c *Cloud) composeUp(ctx context.Context, set *Set, defs []Definition) error {
	if len(defs) == 0 {
		return nil
	}
	env, ports, err := c.composeEnv(defs)
	if err != nil {
		return err
	}
	args := []string{"up", "--detach", "--wait"}
	for _, d := range defs {
		args = append(args, d.Name)
	}
	if err := c.composeStep(ctx, env, args); err != nil {
		return err
	}
	return c.keepContainers(ctx, set, defs, env, ports)
}

// RoleContainer is a process of a role that the compose file runs.
type RoleContainer struct {
	Name      string // slug/role/index, in the compose file with - for /
	Port      int    // on this machine
	AdminPort int
}

// UpProfile starts everything that the compose file holds for a scenario: its
// servers, its infrastructure and its roles. Env is what the file needs beyond
// the servers' ports and images. It is for Docker only; package stack runs roles
// as processes.
func (c *Cloud) UpProfile(ctx context.Context, profile string, env []string, roles []RoleContainer, names ...string) (*Set, error) {
	defs, err := find(names)
	if err != nil {
		return nil, err
	}
	unlock, err := c.lock(ctx, "up")
	if err != nil {
		return nil, err
	}
	defer unlock()
	servers, ports, err := c.composeEnv(defs)
	if err != nil {
		return nil, err
	}
	env = slices.Concat(env, servers)
	for _, step := range profileSteps(profile, defs, roles) {
		if err := c.composeStep(ctx, env, step); err != nil {
			return nil, errors.Join(err, c.keepStarted(context.WithoutCancel(ctx), env, defs, ports, roles))
		}
	}
	for _, role := range roles {
		if err := c.keepRole(ctx, env, role); err != nil {
			return nil, err
		}
	}
	set := &Set{servers: map[string]*Running{}}
	return set, c.keepContainers(ctx, set, defs, env, ports)
}

// keepStarted records what a start that failed has left, so that Status shows it
// and Down ends it.
func (c *Cloud) keepStarted(ctx context.Context, env []string, defs []Definition, ports map[string]int, roles []RoleContainer) error {
	var records []Record
	for _, d := range defs {
		records = append(records, Record{Name: d.Name, Server: true, Port: ports[d.Name]})
	}
	for _, role := range roles {
		records = append(records, Record{Name: role.Name, Port: role.Port})
	}
	for _, r := range records {
		id, err := c.compose(ctx, env, "ps", "--all", "--quiet", serviceOf(r.Name))
		if err != nil {
			return err
		}
		if r.Container = lastLine(id); r.Container == "" {
			continue
		}
		r.Provider = Docker
		if err := c.Remember(r); err != nil {
			return err
		}
	}
	return nil
}

func (c *Cloud) keepRole(ctx context.Context, env []string, role RoleContainer) error {
	id, err := c.compose(ctx, env, "ps", "--quiet", serviceOf(role.Name))
	if err != nil {
		return err
	}
	return c.Remember(Record{Name: role.Name, Provider: Docker, Container: lastLine(id), Port: role.Port})
}

func (c *Cloud) composeStep(ctx context.Context, env, args []string) error {
	return c.progress.step(ctx, "docker compose "+strings.Join(args, " "), func(ctx context.Context) error {
		_, err := c.compose(ctx, env, args...)
		return err
	})
}

func (c *Cloud) keepContainers(ctx context.Context, set *Set, defs []Definition, env []string, ports map[string]int) error {
	for _, d := range defs {
		id, err := c.compose(ctx, env, "ps", "--quiet", d.Name)
		if err != nil {
			return err
		}
		k := container{id: lastLine(id), def: d, addr: "127.0.0.1:" + strconv.Itoa(ports[d.Name])}
		if err := c.Remember(Record{Name: d.Name, Server: true, Provider: Docker, Container: k.id, Port: ports[d.Name]}); err != nil {
			return err
		}
		// Healthy inside its container is not yet reachable from here.
		if err := k.await(ctx); err != nil {
			return err
		}
		set.servers[d.Name] = &Running{Name: d.Name, Addr: k.addr, Provider: Docker, def: d, env: d.Env(k.addr), ctl: k}
	}
	return nil
}

// composeEnv gives the compose file its ports and images. A container that is up
// holds its port itself, so its recorded port is kept unprobed.
func (c *Cloud) composeEnv(defs []Definition) (env []string, ports map[string]int, err error) {
	ports = map[string]int{}
	for _, d := range defs {
		r, found, err := c.Recorded(d.Name)
		if err != nil {
			return nil, nil, err
		}
		if found && r.Process.Alive() {
			return nil, nil, configuration("%s runs as a native process: end it with `go run ./deploy/local down` first, or set PROVIDER=native", d.Name)
		}
		if found && r.Container != "" {
			ports[d.Name] = r.Port
		} else if ports[d.Name], err = c.port(d.Name, d.PortVariable); err != nil {
			return nil, nil, err
		}
		env = append(env, d.PortVariable+"="+strconv.Itoa(ports[d.Name]), d.Image.Variable+"="+d.Image.Name())
	}
	return env, ports, nil
}

// composeDown ends and removes all containers of the clone's project at once.
func (c *Cloud) composeDown(ctx context.Context, records []Record) error {
	err := c.progress.step(ctx, "docker compose down", func(ctx context.Context) error {
		_, err := c.compose(ctx, nil, "--profile", "*", "down", "--volumes", "--timeout", "15")
		return err
	})
	if err != nil {
		return err
	}
	for _, r := range records {
		if r.Container != "" {
			err = errors.Join(err, c.Forget(r.Name))
		}
	}
	return err
}
