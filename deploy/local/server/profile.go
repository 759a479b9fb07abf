//go:build unix

package server

import (
	"context"
	"crypto/rand"
	"errors"
	"strconv"
	"strings"
)

// StartProfile starts everything that the compose file holds for a scenario, its
// roles included, as containers of this run alone: on ports that the caller chose
// for the roles and free ones for the servers, with nothing stored. Close removes
// containers, volumes and network. Env is as for [Cloud.UpProfile].
func (c *Cloud) StartProfile(ctx context.Context, profile string, env []string, roles []RoleContainer, names ...string) (*Set, error) {
	if c.provider != Docker {
		return nil, configuration("roles run in containers with PROVIDER=docker only, and servers come from %s here", c.provider)
	}
	defs, err := find(names)
	if err != nil {
		return nil, err
	}
	free, err := FreePorts(len(defs))
	if err != nil {
		return nil, err
	}
	ports := map[string]int{}
	for i, d := range defs {
		ports[d.Name] = free[i]
		env = append(env, d.PortVariable+"="+strconv.Itoa(free[i]), d.Image.Variable+"="+d.Image.Name())
	}
	p := privateProject{cloud: c, name: c.project() + "-" + strings.ToLower(rand.Text()[:8]), env: env}
	set := &Set{servers: map[string]*Running{}, roles: map[string]*Running{}, release: p.remove}
	if err := p.start(ctx, set, profile, defs, ports, roles); err != nil {
		return nil, errors.Join(err, set.Close())
	}
	return set, nil
}

// privateProject is the compose project of one run.
type privateProject struct {
	cloud *Cloud
	name  string
	env   []string
}

func (p privateProject) start(ctx context.Context, set *Set, profile string, defs []Definition, ports map[string]int, roles []RoleContainer) error {
	err := p.cloud.progress.step(ctx, "docker compose --profile "+profile+" up, for this run alone", func(ctx context.Context) error {
		_, err := p.cloud.composeIn(ctx, p.name, p.env, "--profile", profile, "up", "--detach", "--wait", "--build")
		return err
	})
	if err != nil {
		return err
	}
	for _, d := range defs {
		if set.servers[d.Name], err = p.find(ctx, d, ports[d.Name]); err != nil {
			return err
		}
	}
	for _, role := range roles {
		if set.roles[role.Name], err = p.find(ctx, Definition{Name: role.Name, Health: getReady}, role.Port); err != nil {
			return err
		}
	}
	return nil
}

func (p privateProject) find(ctx context.Context, d Definition, port int) (*Running, error) {
	id, err := p.cloud.composeIn(ctx, p.name, p.env, "ps", "--all", "--quiet", strings.ReplaceAll(d.Name, "/", "-"))
	if err != nil {
		return nil, err
	}
	k := container{id: lastLine(id), def: d, addr: "127.0.0.1:" + strconv.Itoa(port)}
	// Healthy inside its container is not yet reachable from here.
	if err := k.await(ctx); err != nil {
		return nil, err
	}
	r := &Running{Name: d.Name, Addr: k.addr, Provider: Docker, def: d, ctl: k}
	if d.Env != nil {
		r.env = d.Env(k.addr)
	}
	return r, nil
}

// remove is not ended by the end of the run that it tidies up after.
func (p privateProject) remove() error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*controlTime)
	defer cancel()
	_, err := p.cloud.composeIn(ctx, p.name, p.env, "--profile", "*", "down", "--volumes", "--remove-orphans", "--timeout", "10")
	return err
}
